import { afterAll, beforeAll, describe, expect } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { Docker } from "../../src/docker/Docker.ts"
import * as NodeDocker from "../../src/docker/nodeDocker.ts"
import { contextFiles } from "../../src/docker/Place.ts"
import { live } from "../lib/effect.ts"

const work = mkdtempSync(join(tmpdir(), "llem-tls-"))
let server: Server
let port = 0

const answers: Readonly<Record<string, unknown>> = {
  "/info": { ID: "A", ServerVersion: "29.0.1" },
  "/version": { Version: "29.0.1", ApiVersion: "1.52" },
}

beforeAll(async () => {
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
  const made = Bun.spawnSync(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "ca.pem", ...subject],
    { cwd: work },
  )
  expect(made.exitCode).toBe(0)
  const [key, cert] = [readFileSync(join(work, "key.pem")), readFileSync(join(work, "ca.pem"))]
  writeFileSync(join(work, "cert.pem"), cert)
  server = createServer({ key, cert }, (request, response) => {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(answers[(request.url ?? "").split("?")[0] ?? ""] ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve))
  const address = server.address()
  port = address !== null && typeof address === "object" ? address.port : 0
})

afterAll(() => {
  server.close()
  rmSync(work, { recursive: true, force: true })
})

const info = (variables: Readonly<Record<string, string>>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const services = yield* Layer.build(NodeDocker.layer(variables))
      return yield* Effect.provideContext(
        Docker.use((docker) => docker.info),
        services,
      )
    }),
  )

const folder = (name: string, files: Readonly<Record<string, string>>): string => {
  const path = join(work, name)
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return path
}

const context = (endpoint: object) =>
  folder(`config-${Object.keys(endpoint).length}`, {
    [contextFiles("far").meta]: JSON.stringify({
      Endpoints: { docker: { Host: `tcp://localhost:${port}`, ...endpoint } },
    }),
  })

describe("a daemon behind TLS", () => {
  live("is asked with the certificates of DOCKER_CERT_PATH", () =>
    Effect.gen(function* () {
      const variables = { DOCKER_HOST: `tcp://localhost:${port}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: work }
      expect((yield* info(variables)).version).toBe("29.0.1")
    }),
  )

  live("that nobody vouches for is refused, with what to look at", () =>
    Effect.gen(function* () {
      const home = folder("home", {})
      const refused = yield* Effect.flip(info({ DOCKER_HOST: `https://localhost:${port}`, HOME: home }))
      expect(refused.reason).toBe("daemon")
      expect(refused.fix).toContain("certificates")
    }),
  )

  live("is taken as it is where its context says so", () =>
    Effect.gen(function* () {
      const config = context({ SkipTLSVerify: true })
      expect((yield* info({ DOCKER_CONTEXT: "far", DOCKER_CONFIG: config })).version).toBe("29.0.1")
    }),
  )

  live("whose certificates are no certificates is said, not a defect", () =>
    Effect.gen(function* () {
      const junk = folder("junk", { "ca.pem": "junk", "cert.pem": "junk", "key.pem": "junk" })
      const variables = { DOCKER_HOST: `tcp://localhost:${port}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: junk }
      const refused = yield* Effect.flip(info(variables))
      expect(refused.reason).toBe("daemon")
      expect(refused.fix).toContain("ca.pem")
    }),
  )
})
