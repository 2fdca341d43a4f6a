import { afterAll, expect } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { release, tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import * as NodeDocker from "../../src/docker/nodeDocker.ts"
import * as NodeImages from "../../src/docker/nodeImages.ts"
import { embeddedImage } from "../../src/domain/OwnImage.ts"
import * as Owner from "../../src/platform/owner.ts"
import * as OwnImage from "../../src/platform/ownImage.ts"
import { elsewhere } from "../../src/preflight/DaemonPlace.ts"
import { ask, judge } from "../../src/preflight/docker.ts"
import { type Script, scriptedDaemon } from "../docker/scripted.ts"
import { live } from "../lib/effect.ts"

const work = mkdtempSync(join(tmpdir(), "llem-network-daemon-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const binary = join(work, "llem")
writeFileSync(binary, "stands for llem's own binary")

/** A port of this node that leads to a daemon's socket. */
const portTo = (socketPath: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer((client) => {
        const daemon = connect(socketPath)
        for (const one of [client, daemon]) one.on("error", () => undefined)
        client.pipe(daemon)
        daemon.pipe(client)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      return { server, port: typeof address === "object" && address !== null ? address.port : 0 }
    }),
    ({ server }) => Effect.sync(() => server.close()),
  )

/** What a container writes on its standard output, as the daemon sends it. */
const said = (text: string): string =>
  Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]).toString("base64")

/** The facts of a daemon behind a network whose container says this; and what the daemon was asked. */
const facts = (says: string, over: Script = {}, ownBinary: string | null = binary) =>
  Effect.gen(function* () {
    const inputs = yield* Effect.promise(() => OwnImage.inputsOf(binary, work))
    const daemon = yield* scriptedDaemon({
      "GET /info": { status: 200, body: { ID: "A", ServerVersion: "29.0.1", KernelVersion: release(), Runtimes: {} } },
      "GET /version": { status: 200, body: { Version: "29.0.1", ApiVersion: "1.52" } },
      [`GET /images/${embeddedImage}/json`]: {
        status: 200,
        body: { Id: "sha256:own", Size: 1, Config: { Labels: { [OwnImage.inputsLabel]: inputs } } },
      },
      "POST /containers/create": { status: 201, body: { Id: "probe", Warnings: [] } },
      "POST /containers/probe/attach": { output: said(says), end: "whole" },
      "POST /containers/probe/start": { status: 204, body: null },
      ...over,
    })
    const { port } = yield* portTo(daemon.socketPath)
    const variables = { DOCKER_HOST: `tcp://127.0.0.1:${port}` }
    const asked = yield* ask(variables)
    const host = { kernelVersion: release(), hasGpus: false, hasGpuHook: false }
    const docker = judge(asked, host)
    const images = NodeImages.layer({
      binary: ownBinary,
      cacheDirectories: [work],
      offline: true,
      login: () => Effect.succeed({ auth: null, reason: null }),
    }).pipe(Layer.provideMerge(NodeDocker.layer(variables)))
    const reason = docker.usable ? yield* Effect.provide(elsewhere(), images) : null
    return { docker, reason, asked: daemon.asked, where: `127.0.0.1:${port} (DOCKER_HOST)` }
  })

live("a daemon behind a network is of use when its containers see this node's boot", () =>
  Effect.gen(function* () {
    const { docker, reason, asked } = yield* facts(`${Owner.bootId()}\n`)
    expect(docker).toMatchObject({ usable: true, reason: null, version: "29.0.1", overNetwork: true })
    expect(reason).toBeNull()
    const created = asked.find(({ what }) => what === "POST /containers/create")
    const name = created?.query["name"] ?? ""
    expect(name).toStartWith("llem-probe-")
    expect(asked.map(({ what }) => what)).toContain(`DELETE /containers/${name}`)
    expect(JSON.parse(created?.body.toString() ?? "{}")).toMatchObject({
      Image: "sha256:own",
      Entrypoint: ["/llem/llem", "__boot-id"],
      Env: ["LLEM_CONTAINER=1"],
      Labels: { "io.llem.owner": expect.stringMatching(new RegExp(`^${process.pid}:`)) },
      HostConfig: { NetworkMode: "none", IpcMode: "private", PidsLimit: 256, Mounts: [], DeviceRequests: [] },
    })
    expect(created?.body.toString()).not.toContain('"User"')
  }),
)

live("one whose containers see another boot, or none, is on another machine", () =>
  Effect.gen(function* () {
    for (const says of ["6f0d1f0e-0000-4000-8000-000000000000\n", "sh: not found\n"]) {
      const { reason } = yield* facts(says)
      expect(reason).toBe(
        "the Docker daemon runs on another machine: a container there shows another boot than this node's",
      )
    }
  }),
)

live("one that cannot show where it is is not trusted to be here", () =>
  Effect.gen(function* () {
    const refusal = { status: 500, body: { message: "layers are lost" } }
    const { reason, asked } = yield* facts("", { "POST /containers/probe/start": refusal })
    expect(reason).toStartWith("whether the Docker daemon runs on this node cannot be shown: ")
    expect(reason).toContain("layers are lost")
    expect(asked.some(({ what }) => what.startsWith("DELETE /containers/llem-probe-"))).toBe(true)

    const without = yield* facts(Owner.bootId(), {}, null)
    expect(without.reason).toContain("it has no binary to make its image of")
    expect(without.asked.map(({ what }) => what)).not.toContain("POST /containers/create")
  }),
)

live("one that does not tell about itself, or is of another kernel, is named by its address", () =>
  Effect.gen(function* () {
    const info = { status: 500, body: { message: "no" } }
    const { docker, where, asked } = yield* facts("", { "GET /info": info })
    expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
    expect(docker.reason).toContain(where)
    expect(asked.map(({ what }) => what)).not.toContain("POST /containers/create")
    const other = { ID: "A", ServerVersion: "29.0.1", KernelVersion: "6.10.14-linuxkit" }
    const elsewhere = yield* facts(Owner.bootId(), { "GET /info": { status: 200, body: other } })
    expect(elsewhere.docker.reason).toContain(`the daemon at ${elsewhere.where} runs on another machine`)
  }),
)
