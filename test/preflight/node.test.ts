import { afterAll, describe, expect } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { release, tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { gather, type Node } from "../../src/preflight/node.ts"
import { type Script, scriptedDaemon } from "../docker/scripted.ts"
import { live } from "../lib/effect.ts"
import { standIn } from "../lib/nvml.ts"
import { junk, standInFor, variantPackage } from "../lib/variants.ts"

const work = mkdtempSync(join(tmpdir(), "llem-probe-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

let made = 0
/** An empty root, and a folder of commands on PATH. */
const place = (over: Partial<Node> = {}) => {
  const root = join(work, String(++made))
  const commands = join(root, "bin")
  mkdirSync(commands, { recursive: true })
  const socket = join(root, "docker.sock")
  const variables = {
    PATH: commands,
    DOCKER_HOST: `unix://${socket}`,
    LLEM_NVML_LIBRARY: join(root, "no-nvml.so"),
  }
  return {
    root,
    commands,
    socket,
    node: { variables, root, adapters: ["embedded", "vllm"], ...over } satisfies Node,
  }
}

const command = (folder: string, name: string, script: string): void => {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

const write = (path: string, text: string): void => {
  mkdirSync(join(path, ".."), { recursive: true })
  writeFileSync(path, text)
}

/** What a daemon on this node's kernel says of itself. */
const info = { ID: "A", ServerVersion: "29.0.1", OperatingSystem: "Debian", KernelVersion: release(), Runtimes: {} }
const script = (over: Readonly<Record<string, unknown>> = {}): Script => ({
  "GET /info": { status: 200, body: { ...info, ...over } },
  "GET /version": { status: 200, body: { Version: "29.0.1", ApiVersion: "1.52" } },
})

describe("Docker", () => {
  /** The facts of Docker on a node whose daemon answers so. */
  const asked = (answers: Script, change: (node: Node, root: string) => Node = (node) => node) =>
    Effect.gen(function* () {
      const { node, socket, root } = place()
      yield* scriptedDaemon(answers, socket)
      return (yield* gather(change(node, root))).docker
    })

  live("a daemon that answers is usable, with what it says of itself", () =>
    Effect.gen(function* () {
      const over = { CgroupVersion: "2", SecurityOptions: ["name=rootless"], DockerRootDir: "/var/lib/docker" }
      expect(yield* asked(script(over))).toEqual({
        usable: true,
        reason: null,
        version: "29.0.1",
        gpuReason: null,
        rootless: true,
        cgroupVersion: "2",
        rootDirectory: "/var/lib/docker",
        overNetwork: false,
      })
    }),
  )

  live("a daemon on another kernel runs elsewhere", () =>
    Effect.gen(function* () {
      const docker = yield* asked(script({ KernelVersion: "6.10.14-linuxkit", OperatingSystem: "Docker Desktop" }))
      expect(docker).toMatchObject({ usable: false, code: "docker_remote" })
      expect(docker.reason).toContain(`(Docker Desktop, kernel 6.10.14-linuxkit; this node has ${release()})`)
    }),
  )

  live("GPUs that a daemon has no way to hand on have their reason, and none where it has one", () =>
    Effect.gen(function* () {
      const withGpu = (node: Node, root: string): Node => ({
        ...node,
        variables: { ...node.variables, LLEM_NVML_LIBRARY: standIn(root, { gpus: [{ uuid: "GPU-1" }] }) },
      })
      const without = yield* asked(script(), withGpu)
      expect(without).toMatchObject({ usable: true, reason: null })
      expect(without.gpuReason).toBe(
        "this node has GPUs, but its Docker cannot hand them to a container: it has no NVIDIA runtime, no CDI devices and no nvidia-container-runtime-hook",
      )
      for (const way of [{ Runtimes: { nvidia: {} } }, { DiscoveredDevices: [{ ID: "nvidia.com/gpu=0" }] }])
        expect((yield* asked(script(way), withGpu)).gpuReason).toBeNull()
      const others = { Runtimes: { runc: {} }, DiscoveredDevices: [{ ID: "vendor.com/net=0" }] }
      expect((yield* asked(script(others), withGpu)).gpuReason).not.toBeNull()
    }),
  )

  live("one that fails is not usable, and its words are in the reason", () =>
    Effect.gen(function* () {
      const docker = yield* asked({ ...script(), "GET /info": { status: 500, body: { message: "layers are lost" } } })
      expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
      expect(docker.reason).toContain("layers are lost")
    }),
  )

  live("something else that answers on the socket is not a daemon", () =>
    Effect.gen(function* () {
      const docker = yield* asked({ ...script(), "GET /info": { status: 200, body: "OK" } })
      expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
      expect(docker.reason).toContain("does not answer as one")
    }),
  )

  live("one that hangs is given up, and the rest of the node is known all the same", () =>
    Effect.gen(function* () {
      const { node, socket } = place()
      yield* scriptedDaemon({ "GET /info": "hang", "GET /version": "hang" }, socket)
      const { docker, engines } = yield* gather(node)
      expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
      expect(docker.reason).toContain("did not answer within 3 s")
      expect(engines.embedded.available).toBe(true)
    }),
  )

  live("a connection that breaks off is told", () =>
    Effect.gen(function* () {
      const docker = yield* asked({ "GET /info": "reset", "GET /version": "reset" })
      expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
    }),
  )

  live("a socket that nobody listens on any more", () =>
    Effect.gen(function* () {
      const { node, socket } = place()
      const left = `require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`
      yield* Effect.promise(() => Bun.spawn([process.execPath, "-e", left], { stderr: "ignore" }).exited)
      const { docker } = yield* gather(node)
      expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
      expect(docker.reason).toContain(socket)
      expect(docker.reason).toContain("ECONNREFUSED")
    }),
  )

  live("no socket, and a file in its place, each have their reason", () =>
    Effect.gen(function* () {
      const { node, socket } = place()
      const { docker } = yield* gather(node)
      expect(docker.reason).toBe(`there is no Docker socket at ${socket} (DOCKER_HOST)`)
      writeFileSync(socket, "")
      expect((yield* gather(node)).docker.reason).toBe(`${socket} is not a socket that can be used`)
    }),
  )

  live("a daemon behind a network that is not there is unavailable, one behind SSH is elsewhere", () =>
    Effect.gen(function* () {
      const closed = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
      const { port } = closed
      closed.stop(true)
      const at = (host: string): Node => ({ ...place().node, variables: { DOCKER_HOST: host } })
      const { docker } = yield* gather(at(`tcp://127.0.0.1:${port}`))
      expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
      expect(docker.reason).toContain(`127.0.0.1:${port} (DOCKER_HOST)`)
      expect((yield* gather(at("ssh://ada@node7"))).docker).toMatchObject({ usable: false, code: "docker_remote" })
    }),
  )

  live("a socket that this user may not use is a matter of permission", () =>
    Effect.gen(function* () {
      const { socket } = place()
      yield* scriptedDaemon(script(), socket)
      chmodSync(socket, 0o000)
      const module = new URL("../../src/docker/nodeDocker.ts", import.meta.url).pathname
      const look = `const { find } = await import(${JSON.stringify(module)}); console.log(JSON.stringify(await find(${JSON.stringify({ DOCKER_HOST: `unix://${socket}` })})))`
      // The rights of root go past a file's mode, so the child has them not.
      const own = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : []
      const child = Bun.spawn([...own, process.execPath, "-e", look], { stdout: "pipe" })
      expect(JSON.parse(yield* Effect.promise(() => new Response(child.stdout).text()))).toEqual({
        kind: "unusable",
        code: "docker_permission",
        reason: `this user may not use the Docker socket ${socket}`,
      })
    }),
  )
})

describe("engines", () => {
  live("a backend without an adapter, one whose command is missing, and one that is there", () =>
    Effect.gen(function* () {
      const { node, commands } = place()
      const before = (yield* gather(node)).engines
      expect(before.embedded).toMatchObject({ available: true, reason: null })
      expect(before.embedded.version).toMatch(/^llama\.cpp v[\d.]+ \(node-llama-cpp [\d.]+\)$/)
      expect(before.vllm).toEqual({ available: false, reason: "there is no vllm on PATH" })
      expect(before.llamacpp).toEqual({ available: false, reason: "this build of llem has no adapter for it" })
      writeFileSync(join(commands, "vllm"), "not executable")
      expect((yield* gather(node)).engines.vllm.available).toBe(false)
      command(commands, "vllm", "exit 0")
      expect((yield* gather(node)).engines.vllm).toEqual({ available: true, reason: null })
    }),
  )

  live("each is looked for under its own command", () =>
    Effect.gen(function* () {
      const { node } = place()
      const found = (yield* gather({ ...node, adapters: ["vllm", "sglang", "tensorrt", "llamacpp"] })).engines
      const commands = { vllm: "vllm", sglang: "sglang", tensorrt: "trtllm-serve", llamacpp: "llama-server" } as const
      expect(found).toMatchObject(
        Object.fromEntries(
          Object.entries(commands).map(([backend, name]) => [backend, { reason: `there is no ${name} on PATH` }]),
        ),
      )
    }),
  )
})

describe("builds of the embedded engine in other folders", () => {
  live("are probed in the order in which they are named, each with its own answer", () =>
    Effect.gen(function* () {
      const { node } = place()
      expect((yield* gather(node)).embeddedVariants).toEqual([])
      const { folder } = variantPackage(junk)
      const command = standInFor("kill -ABRT $$")
      const variables = { ...node.variables, LLEM_EMBEDDED_DIR: `/nowhere:${folder}::/nowhere` }
      const found = (yield* gather({ ...node, variables, command })).embeddedVariants
      expect(found?.map(({ folder: at, kind, usable, reason }) => ({ at, kind, usable, reason }))).toEqual([
        { at: "/nowhere", kind: null, usable: false, reason: "there is no such folder" },
        { at: folder, kind: "vulkan", usable: false, reason: "loading it ended the process with SIGABRT" },
      ])
    }),
  )
})

describe("GPUs", () => {
  const information = (uuid: string) =>
    `Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 124\nGPU UUID: \t ${uuid}\nVideo BIOS: \t 96.00\n`
  const file = (root: string, address: string) => join(root, "proc/driver/nvidia/gpus", address, "information")

  live("from the driver's files", () =>
    Effect.gen(function* () {
      const { node, root } = place()
      write(file(root, "0000:18:00.0"), information("GPU-0b6b1f2c-1111-2222-3333-444455556666"))
      expect((yield* gather(node)).gpus).toEqual([
        { uuid: "GPU-0b6b1f2c-1111-2222-3333-444455556666", name: "NVIDIA H100 80GB HBM3" },
      ])
    }),
  )

  live("from nvidia-smi while the driver hides a UUID", () =>
    Effect.gen(function* () {
      const { node, root, commands } = place()
      write(file(root, "0000:18:00.0"), information("GPU-????????-????-????-????-????????????"))
      command(commands, "nvidia-smi", 'echo "GPU-aa, NVIDIA A100-SXM4-40GB"; echo "GPU-bb, NVIDIA T4"')
      expect((yield* gather(node)).gpus).toEqual([
        { uuid: "GPU-aa", name: "NVIDIA A100-SXM4-40GB" },
        { uuid: "GPU-bb", name: "NVIDIA T4" },
      ])
    }),
  )

  live("none when nvidia-smi is not there, fails, or talks of something else", () =>
    Effect.gen(function* () {
      const { node, commands } = place()
      expect((yield* gather(node)).gpus).toEqual([])
      command(commands, "nvidia-smi", "echo GPU-aa, X; exit 9")
      expect((yield* gather(node)).gpus).toEqual([])
      command(commands, "nvidia-smi", "echo No devices were found")
      expect((yield* gather(node)).gpus).toEqual([])
    }),
  )
})

live("Podman's file below the root tells a container", () =>
  Effect.gen(function* () {
    const { node, root } = place()
    expect((yield* gather(node)).insideContainer).toBe(false)
    write(join(root, "run/.containerenv"), "")
    expect((yield* gather(node)).insideContainer).toBe(true)
  }),
)
