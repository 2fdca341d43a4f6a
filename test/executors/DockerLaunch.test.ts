import { describe, expect, test } from "bun:test"
import type { ImageInfo } from "../../src/docker/Docker.ts"
import { limitsOf } from "../../src/domain/Container.ts"
import { embeddedImage } from "../../src/domain/OwnImage.ts"
import { containerSpec, isSupervised, type LaunchParts } from "../../src/executors/DockerLaunch.ts"
import { contextOf, launchOf } from "../lib/launch.ts"

const image = (over: Partial<ImageInfo> = {}): ImageInfo => ({
  id: "sha256:abc",
  repoDigests: [],
  tags: [],
  entrypoint: [],
  command: [],
  sizeBytes: 1,
  labels: {},
  ...over,
})

const parts = (over: Partial<LaunchParts> = {}): LaunchParts => ({
  launch: launchOf({ argv: ["__engine", "--host={host}", "--port={port}", "--libraries={libraries}"] }),
  context: contextOf("/cell"),
  image: image(),
  reference: embeddedImage,
  name: "llem-1",
  network: "llem-net",
  published: false,
  owner: { pid: 7, startTicks: "99", bootId: "b", namespace: "4", machine: "m" },
  user: { userAndGroup: "1000:1000", groups: ["27"] },
  daemon: { rootless: false, selinux: false, devices: [] },
  runtime: null,
  ...over,
})

const llamaServer = launchOf({
  backend: "llamacpp",
  program: { kind: "command", name: "llama-server" },
  argv: ["-m", "/m.gguf", "--host", "{host}", "--port", "{port}"],
  mounts: [{ hostPath: "/m.gguf", readOnly: true }],
})
const foreign = {
  reference: "a/b:1",
  runtime: { binary: "/opt/llem", folder: "/cache/runtime-1", loader: "ld-linux-x86-64.so.2" },
}
const loader = ["/.llem/lib/ld-linux-x86-64.so.2", "--library-path", "/.llem/lib", "/.llem/llem"]

describe("the container of a launch", () => {
  test("of the embedded engine in llem's own image", () => {
    const spec = containerSpec(parts())
    expect(spec.command).toEqual([
      "/llem/llem",
      "__engine",
      "--host=0.0.0.0",
      "--port=8000",
      "--libraries=/llem/engine",
    ])
    expect(spec).toMatchObject({ image: "sha256:abc", mounts: [], network: "llem-net", publishedPort: null })
    expect(spec.labels).toEqual({
      "io.llem.owner": "7:99:b:4:m",
      "io.llem.study": "study",
      "io.llem.cell": "1_c1_00000001",
    })
    expect(spec.env["LLEM_CONTAINER"]).toBe("1")
    expect(isSupervised(launchOf())).toBe(false)
  })

  test("of the embedded engine in a foreign image brings llem and its loader", () => {
    const spec = containerSpec(parts(foreign))
    expect(spec.command.slice(0, 5)).toEqual([...loader, "__engine"])
    expect(spec.command.at(-1)).toBe("--libraries=/tmp/llem-engine")
    expect(spec.mounts.map(({ source, target, readOnly }) => [source, target, readOnly])).toEqual([
      ["/opt/llem", "/.llem/llem", true],
      ["/cache/runtime-1", "/.llem/lib", true],
    ])
  })

  test("of another engine is started by the supervisor: its image's entrypoint, its own command, or its name", () => {
    const of = (entrypoint: ReadonlyArray<string>, command: ReadonlyArray<string> | null) =>
      containerSpec(
        parts({
          ...foreign,
          image: image({ entrypoint }),
          launch: { ...llamaServer, container: { ...llamaServer.container, command } },
        }),
      ).command
    const argv = ["-m", "/m.gguf", "--host", "0.0.0.0", "--port", "8000"]
    expect(of(["/app/llama-server"], null)).toEqual([...loader, "__supervise", "/app/llama-server", ...argv])
    expect(of(["/other"], ["vllm", "serve"])).toEqual([...loader, "__supervise", "vllm", "serve", ...argv])
    expect(of([], null)).toEqual([...loader, "__supervise", "llama-server", ...argv])
    expect(isSupervised(llamaServer)).toBe(true)
  })

  test("has the model under its own path, and volumes only for what is kept", () => {
    const writable = [
      { path: "/root/.cache/vllm", kept: true },
      { path: "/scratch", kept: false },
    ]
    const spec = containerSpec(
      parts({ ...foreign, launch: { ...llamaServer, container: { ...llamaServer.container, writable } } }),
    )
    expect(spec.mounts.slice(2)).toEqual([
      { kind: "bind", source: "/m.gguf", target: "/m.gguf", readOnly: true },
      { kind: "volume", source: "llem-llamacpp-root-.cache-vllm", target: "/root/.cache/vllm", readOnly: false },
    ])
    expect(spec.temporary).toEqual(["/tmp", "/scratch"])
  })

  test("sees the small files of its launch in a folder of their own", () => {
    const launch = { ...llamaServer, argv: ["--config={files}/a.yaml"], texts: { "a.yaml": "{}" } }
    const spec = containerSpec(parts({ ...foreign, launch }))
    expect(spec.command.at(-1)).toBe("--config=/.llem/files/a.yaml")
    expect(spec.mounts).toContainEqual({
      kind: "bind",
      source: "/cell/a.yaml",
      target: "/.llem/files/a.yaml",
      readOnly: true,
    })
  })

  test("runs as the caller only where the image allows it; what a person limits wins over the engine's needs", () => {
    const container = { ...llamaServer.container, anyUser: false, shmBytes: 8 * 2 ** 30 }
    const needs = parts({ launch: { ...llamaServer, container } })
    expect(containerSpec(needs)).toMatchObject({ user: null, shmBytes: 8 * 2 ** 30, memoryBytes: null })
    expect(containerSpec(parts())).toMatchObject({ user: "1000:1000", groups: ["27"], selinuxLabel: true })
    const placement = {
      gpuUuids: ["GPU-1"],
      gate: "warn",
      container: limitsOf({ memory: "1g", shm_size: "64m", cpuset: "0-1", pids_limit: 99 }),
    } as const
    const limited = containerSpec({ ...needs, context: contextOf("/cell", { placement }) })
    expect(limited).toMatchObject({ memoryBytes: 2 ** 30, shmBytes: 64 * 2 ** 20, cpuset: "0-1", pids: 99 })
    expect(limited.gpus).toEqual({ driver: "nvidia", uuids: ["GPU-1"] })
  })

  test("asks for GPUs through CDI only where the daemon knows each of them by its UUID", () => {
    const context = contextOf("/cell", {
      placement: { gpuUuids: ["GPU-1", "GPU-2"], gate: "warn", container: limitsOf({}) },
    })
    const driver = (...devices: ReadonlyArray<string>) =>
      containerSpec(parts({ context, daemon: { rootless: false, selinux: false, devices } })).gpus.driver
    expect(driver("nvidia.com/gpu=GPU-1", "nvidia.com/gpu=GPU-2")).toBe("cdi")
    expect(driver("nvidia.com/gpu=GPU-1")).toBe("nvidia")
    expect(driver("nvidia.com/gpu=0", "nvidia.com/gpu=1")).toBe("nvidia")
  })

  test("a rootless daemon's root is its user; SELinux would keep what is mounted from the engine", () => {
    const daemon = { rootless: true, selinux: true, devices: [] }
    expect(containerSpec(parts({ daemon }))).toMatchObject({ user: "0:0", groups: [], selinuxLabel: false })
  })

  test("has its launch's environment and what llem says in every container, and no value of a secret", () => {
    const env = { VLLM_NO_USAGE_STATS: "1", LLEM_CONTAINER: "", HOME: "/root" }
    const spec = containerSpec(parts({ launch: { ...llamaServer, env, secretNames: ["PATH"] } }))
    expect(spec.env).toEqual({ VLLM_NO_USAGE_STATS: "1", LLEM_CONTAINER: "1", HOME: "/root" })
    expect(containerSpec(parts()).env).toEqual({ LLEM_CONTAINER: "1", HOME: "/tmp" })
    expect(JSON.stringify(spec)).not.toContain(process.env["PATH"])
  })

  test("is named and labelled by its run, and gets the cell's GPUs in their order", () => {
    const placement = { gpuUuids: ["GPU-b", "GPU-a"], gate: "warn", container: limitsOf({}) } as const
    const spec = containerSpec(parts({ context: contextOf("/cell", { cycle: 3, placement }) }))
    expect(spec).toMatchObject({ name: "llem-1", gpus: { driver: "nvidia", uuids: ["GPU-b", "GPU-a"] } })
    expect(spec.labels["io.llem.cell"]).toBe("1_c3_00000001")
  })

  test("gets the shared memory, the limits and the writable folders that its engine needs, as they are asked", () => {
    const ulimits = [{ name: "memlock", soft: -1, hard: -1 }]
    const writable = [{ path: "/var/lib/my cache//x_y", kept: true }]
    const launch = {
      ...llamaServer,
      argv: ["{host}:{port}", "http://{host}:{port}/{host}"],
      mounts: [{ hostPath: "/out", readOnly: false }],
      container: { ...llamaServer.container, ipc: "host", ulimits, writable },
    } as const
    const spec = containerSpec(parts({ launch }))
    expect(spec).toMatchObject({ ipc: "host", ulimits })
    expect(spec.command.slice(-2)).toEqual(["0.0.0.0:8000", "http://0.0.0.0:8000/0.0.0.0"])
    expect(spec.mounts).toEqual([
      { kind: "bind", source: "/out", target: "/out", readOnly: false },
      {
        kind: "volume",
        source: "llem-llamacpp-var-lib-my-cache-x-y",
        target: "/var/lib/my cache//x_y",
        readOnly: false,
      },
    ])
  })

  test("publishes its port only where its own address is out of reach", () => {
    expect(containerSpec(parts({ published: true })).publishedPort).toBe(8000)
  })
})
