import { afterAll, describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gather, type Node } from "../../src/preflight/node.ts"

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
  return { root, commands, socket, node: { variables, root, adapters: ["embedded", "vllm"], ...over } satisfies Node }
}

const command = (folder: string, name: string, script: string): void => {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

const write = (path: string, text: string): void => {
  mkdirSync(join(path, ".."), { recursive: true })
  writeFileSync(path, text)
}

/** A daemon on a unix socket that answers as told. */
const daemon = async <A>(socket: string, answer: (path: string) => Response, use: () => Promise<A>): Promise<A> => {
  const server = Bun.serve({ unix: socket, fetch: (request) => answer(new URL(request.url).pathname) })
  try {
    return await use()
  } finally {
    await server.stop(true)
  }
}

describe("Docker", () => {
  test("a daemon that answers is usable, with its version", async () => {
    const { node, socket } = place()
    const answer = (path: string) =>
      path === "/_ping" ? new Response("OK") : Response.json({ Version: "29.0.1", ApiVersion: "1.52" })
    const { docker } = await daemon(socket, answer, () => gather(node))
    expect(docker).toEqual({ usable: true, reason: null, version: "29.0.1" })
  })

  test("a daemon that answers with an error is not", async () => {
    const { node, socket } = place()
    const { docker } = await daemon(
      socket,
      () => new Response("no", { status: 500 }),
      () => gather(node),
    )
    expect(docker).toMatchObject({ usable: false, code: "docker_unavailable" })
    expect(docker.reason).toContain("status 500")
  })

  test("something else that answers on the socket is not a daemon", async () => {
    const { node, socket } = place()
    const { docker } = await daemon(
      socket,
      () => new Response("OK"),
      () => gather(node),
    )
    expect(docker).toMatchObject({ usable: false })
    expect(docker.reason).toContain("does not tell its version")
  })

  test("a socket that nobody listens on any more", async () => {
    const { node, socket } = place()
    const script = `const s = require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`
    await Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" }).exited
    expect((await gather(node)).docker.reason).toBe(`no daemon answers on ${socket}`)
  })

  test("no socket, a file in its place, and a daemon that may be elsewhere each have their reason", async () => {
    const absent = place()
    expect((await gather(absent.node)).docker.reason).toBe(`there is no Docker socket at ${absent.socket}`)
    writeFileSync(absent.socket, "")
    expect((await gather(absent.node)).docker.reason).toBe(`${absent.socket} is not a socket that can be used`)
    const remote = place()
    const node = { ...remote.node, variables: { DOCKER_HOST: "tcp://10.0.0.7:2375" } }
    expect((await gather(node)).docker).toMatchObject({ usable: false, code: "docker_remote" })
  })
})

describe("engines", () => {
  test("a backend without an adapter, one whose command is missing, and one that is there", async () => {
    const { node, commands } = place()
    const before = (await gather(node)).engines
    expect(before.embedded).toEqual({ available: true, reason: null })
    expect(before.vllm).toEqual({ available: false, reason: "there is no vllm on PATH" })
    expect(before.llamacpp).toEqual({ available: false, reason: "this build of llem has no adapter for it" })
    writeFileSync(join(commands, "vllm"), "not executable")
    expect((await gather(node)).engines.vllm.available).toBe(false)
    command(commands, "vllm", "exit 0")
    expect((await gather(node)).engines.vllm).toEqual({ available: true, reason: null })
  })
})

describe("GPUs", () => {
  const information = (uuid: string) =>
    `Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 124\nGPU UUID: \t ${uuid}\nVideo BIOS: \t 96.00\n`
  const file = (root: string, address: string) => join(root, "proc/driver/nvidia/gpus", address, "information")

  test("from the driver's files", async () => {
    const { node, root } = place()
    write(file(root, "0000:18:00.0"), information("GPU-0b6b1f2c-1111-2222-3333-444455556666"))
    expect((await gather(node)).gpus).toEqual([
      { uuid: "GPU-0b6b1f2c-1111-2222-3333-444455556666", name: "NVIDIA H100 80GB HBM3" },
    ])
  })

  test("from nvidia-smi while the driver hides a UUID", async () => {
    const { node, root, commands } = place()
    write(file(root, "0000:18:00.0"), information("GPU-????????-????-????-????-????????????"))
    command(commands, "nvidia-smi", 'echo "GPU-aa, NVIDIA A100-SXM4-40GB"; echo "GPU-bb, NVIDIA T4"')
    expect((await gather(node)).gpus).toEqual([
      { uuid: "GPU-aa", name: "NVIDIA A100-SXM4-40GB" },
      { uuid: "GPU-bb", name: "NVIDIA T4" },
    ])
  })

  test("none when nvidia-smi is not there, fails, or talks of something else", async () => {
    const { node, commands } = place()
    expect((await gather(node)).gpus).toEqual([])
    command(commands, "nvidia-smi", "echo GPU-aa, X; exit 9")
    expect((await gather(node)).gpus).toEqual([])
    command(commands, "nvidia-smi", "echo No devices were found")
    expect((await gather(node)).gpus).toEqual([])
  })
})

test("Podman's file below the root tells a container", async () => {
  const { node, root } = place()
  expect((await gather(node)).insideContainer).toBe(false)
  write(join(root, "run/.containerenv"), "")
  expect((await gather(node)).insideContainer).toBe(true)
})
