import { afterAll, describe, expect } from "bun:test"
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createServer } from "node:tls"
import { Effect, Layer } from "effect"
import { Docker } from "../../src/docker/Docker.ts"
import * as NodeDocker from "../../src/docker/nodeDocker.ts"
import { contextFiles } from "../../src/docker/Place.ts"
import { live } from "../lib/effect.ts"
import { scriptedDaemon } from "./scripted.ts"

const work = mkdtempSync(join(tmpdir(), "llem-tls-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** A certificate that signs itself, for a name that no node has. */
const certFile = join(import.meta.dir, "../fixtures/docker-tls/cert.pem")
const certificate = {
  cert: readFileSync(certFile),
  key: readFileSync(join(import.meta.dir, "../fixtures/docker-tls/key.pem")),
}

/** A port of this node that leads to a daemon's socket through TLS. */
const portTo = (socketPath: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(certificate, (client) => {
        const daemon = connect(socketPath)
        for (const one of [client, daemon]) one.on("error", () => undefined)
        client.pipe(daemon)
        daemon.pipe(client)
      })
      server.on("tlsClientError", () => undefined)
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      return { server, port: typeof address === "object" && address !== null ? address.port : 0 }
    }),
    ({ server }) => Effect.sync(() => server.close()),
  )

let made = 0
/** The daemon of a context that is reached through TLS. */
const inContext = Effect.fnUntraced(function* (scheme: "tcp" | "https", skip: boolean, withAuthority: boolean) {
  const daemon = yield* scriptedDaemon({
    "GET /info": { status: 200, body: { ID: "A", ServerVersion: "29.0.1" } },
    "GET /version": { status: 200, body: { Version: "29.0.1", ApiVersion: "1.52" } },
    "POST /containers/a/attach": {
      output: Buffer.from([1, 0, 0, 0, 0, 0, 0, 3, ...Buffer.from("abc")]).toString("base64"),
      end: "whole",
    },
  })
  const { port } = yield* portTo(daemon.socketPath)
  const folder = join(work, String(++made))
  const { meta, tls } = contextFiles("prod")
  mkdirSync(join(folder, meta, ".."), { recursive: true })
  mkdirSync(join(folder, tls), { recursive: true })
  const docker = { Host: `${scheme}://127.0.0.1:${port}`, SkipTLSVerify: skip }
  writeFileSync(join(folder, meta), JSON.stringify({ Name: "prod", Endpoints: { docker } }))
  if (withAuthority) copyFileSync(certFile, join(folder, tls, "ca.pem"))
  const context = yield* Layer.build(NodeDocker.layer({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: "prod" }))
  return yield* Effect.provide(Docker, context)
})

describe("a daemon behind TLS", () => {
  live("is refused when nobody vouches for its certificate, or it is for another name", () =>
    Effect.gen(function* () {
      const codes: Array<unknown> = []
      for (const withAuthority of [false, true]) {
        const error = yield* Effect.flip((yield* inContext("https", false, withAuthority)).info)
        expect(error.reason).toBe("daemon")
        codes.push(error.details["code"])
      }
      expect(codes).toEqual(["DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"])
    }),
  )

  live("is talked to all the same where its context says that certificates are not checked", () =>
    Effect.gen(function* () {
      for (const withAuthority of [false, true]) {
        const docker = yield* inContext("tcp", true, withAuthority)
        expect((yield* docker.info).version).toBe("29.0.1")
        const output: Array<string> = []
        const attached = yield* docker.attach("a", (bytes) => void output.push(Buffer.from(bytes).toString()))
        yield* attached.ended
        expect(output.join("")).toBe("abc")
      }
    }),
  )
})
