import { describe, expect, test } from "bun:test"
import { Ajv } from "ajv"
import { Schema } from "effect"
import { type ContainerSpec, createBody } from "../../src/docker/ContainerSpec.ts"
import createSchema from "../fixtures/docker-container-create.schema.json" with { type: "json" }
import { arbitraryOf, prop } from "../lib/effect.ts"

const valid = new Ajv({ allErrors: true }).compile(createSchema)
/** What the Docker API's own description says against a body; null when nothing. */
const complaints = (body: unknown): unknown => (valid(body) ? null : valid.errors)

const spec = (over: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name: "llem-1",
  image: "sha256:0a",
  reference: "acme/vllm:1",
  command: ["/llem/llem", "__engine"],
  env: { LLEM_CONTAINER: "1" },
  labels: { "io.llem.owner": "1:2:b:3" },
  user: null,
  groups: [],
  selinuxLabel: true,
  mounts: [],
  temporary: ["/tmp"],
  network: "llem-net",
  publishedPort: null,
  memoryBytes: null,
  cpuset: null,
  shmBytes: null,
  pids: 1024,
  ipc: "private",
  ulimits: [],
  gpus: { driver: "nvidia", uuids: [] },
  ...over,
})

const Spec = Schema.Struct({
  name: Schema.String,
  image: Schema.String,
  reference: Schema.String,
  command: Schema.Array(Schema.String),
  env: Schema.Record(Schema.String, Schema.String),
  labels: Schema.Record(Schema.String, Schema.String),
  user: Schema.NullOr(Schema.String),
  groups: Schema.Array(Schema.String),
  selinuxLabel: Schema.Boolean,
  mounts: Schema.Array(
    Schema.Struct({
      kind: Schema.Literals(["bind", "volume"]),
      source: Schema.String,
      target: Schema.String,
      readOnly: Schema.Boolean,
    }),
  ),
  temporary: Schema.Array(Schema.String),
  network: Schema.String,
  publishedPort: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))),
  memoryBytes: Schema.NullOr(Schema.Int),
  cpuset: Schema.NullOr(Schema.String),
  shmBytes: Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  pids: Schema.Int,
  ipc: Schema.Literals(["private", "host"]),
  ulimits: Schema.Array(Schema.Struct({ name: Schema.String, soft: Schema.Int, hard: Schema.Int })),
  gpus: Schema.Struct({ driver: Schema.Literals(["nvidia", "cdi"]), uuids: Schema.Array(Schema.String) }),
})

describe("the body of a container", () => {
  test("of a plain engine, whole", () => {
    expect(createBody(spec())).toEqual({
      Image: "sha256:0a",
      Entrypoint: ["/llem/llem", "__engine"],
      Cmd: [],
      Env: ["LLEM_CONTAINER=1"],
      Labels: { "io.llem.owner": "1:2:b:3" },
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: true,
      StdinOnce: true,
      Tty: false,
      HostConfig: {
        Init: true,
        AutoRemove: false,
        RestartPolicy: { Name: "" },
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true"],
        ReadonlyRootfs: true,
        Tmpfs: { "/tmp": "rw,exec,nosuid,nodev,mode=1777" },
        Mounts: [],
        NetworkMode: "llem-net",
        LogConfig: { Type: "none", Config: {} },
        PidsLimit: 1024,
        IpcMode: "private",
        Ulimits: [],
        DeviceRequests: [],
      },
    })
  })

  test("hands on GPUs by UUID, through the runtime's driver or through CDI", () => {
    const uuids = ["GPU-0b6b", "GPU-1c7c"]
    const nvidia = createBody(spec({ gpus: { driver: "nvidia", uuids } }))
    expect(nvidia.HostConfig.DeviceRequests).toEqual([
      { Driver: "", Count: 0, DeviceIDs: uuids, Capabilities: [["gpu"]], Options: {} },
    ])
    const cdi = createBody(spec({ gpus: { driver: "cdi", uuids } }))
    expect(cdi.HostConfig.DeviceRequests).toEqual([
      { Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=GPU-0b6b", "nvidia.com/gpu=GPU-1c7c"] },
    ])
    expect([complaints(nvidia), complaints(cdi)]).toEqual([null, null])
  })

  test("mounts what was asked: models read-only, a volume for what is kept, memory for the rest", () => {
    const { HostConfig } = createBody(
      spec({
        mounts: [
          { kind: "bind", source: "/models", target: "/models", readOnly: true },
          { kind: "volume", source: "llem-vllm-cache", target: "/root/.cache/vllm", readOnly: false },
        ],
        temporary: ["/tmp", "/run/engine"],
      }),
    )
    expect(HostConfig.Mounts).toEqual([
      { Type: "bind", Source: "/models", Target: "/models", ReadOnly: true },
      { Type: "volume", Source: "llem-vllm-cache", Target: "/root/.cache/vllm", ReadOnly: false },
    ])
    // Engines load libraries that they unpack there: Docker's own default forbids it.
    expect(Object.values(HostConfig.Tmpfs)).toEqual(Array(2).fill("rw,exec,nosuid,nodev,mode=1777"))
  })

  test("has the limits that were asked, and memory beyond its limit does not go to swap", () => {
    const { HostConfig, ...rest } = createBody(
      spec({
        memoryBytes: 2 ** 30,
        cpuset: "0-3,8",
        shmBytes: 8 * 2 ** 30,
        ulimits: [{ name: "nofile", soft: 1024, hard: 4096 }],
        user: "1000:1000",
        groups: ["27", "998"],
      }),
    )
    expect(HostConfig).toMatchObject({
      Memory: 2 ** 30,
      MemorySwap: 2 ** 30,
      CpusetCpus: "0-3,8",
      ShmSize: 8 * 2 ** 30,
      Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 4096 }],
    })
    expect(rest).toMatchObject({ User: "1000:1000" })
    expect(HostConfig.GroupAdd).toEqual(["27", "998"])
  })

  test("with the node's own shared memory asks for no size of it, which the daemon refuses", () => {
    const { HostConfig } = createBody(spec({ ipc: "host", shmBytes: 2 ** 30 }))
    expect(HostConfig.IpcMode).toBe("host")
    expect(HostConfig).not.toHaveProperty("ShmSize")
  })

  test("publishes a port on the loopback interface only", () => {
    const body = createBody(spec({ publishedPort: 8000 }))
    expect(body.ExposedPorts).toEqual({ "8000/tcp": {} })
    expect(body.HostConfig.PortBindings).toEqual({ "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] })
    expect(createBody(spec()).HostConfig).not.toHaveProperty("PortBindings")
  })
})

describe("the Docker API's own description", () => {
  test("refuses what is misspelt or of another type", () => {
    const body = createBody(spec())
    expect(complaints(body)).toBeNull()
    expect(complaints({ ...body, HostConfig: { ...body.HostConfig, ReadOnlyRootfs: true } })).not.toBeNull()
    expect(complaints({ ...body, HostConfig: { ...body.HostConfig, PidsLimit: "1024" } })).not.toBeNull()
    expect(complaints({ ...body, HostConfig: { ...body.HostConfig, DeviceRequests: [{ Ids: [] }] } })).not.toBeNull()
  })

  prop("has nothing against any container of llem", arbitraryOf(Spec), (any) => {
    expect(complaints(createBody(any))).toBeNull()
    return true
  })

  prop("least privilege holds whatever is asked", arbitraryOf(Spec), (any) => {
    const { HostConfig, ...rest } = createBody(any)
    expect(HostConfig).toMatchObject({
      Init: true,
      AutoRemove: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true", ...(any.selinuxLabel ? [] : ["label=disable"])],
      ReadonlyRootfs: true,
      PidsLimit: any.pids,
      LogConfig: { Type: "none" },
    })
    for (const right of [
      "Privileged",
      "CapAdd",
      "Devices",
      "PidMode",
      "UsernsMode",
      "UTSMode",
      "Binds",
      "PublishAllPorts",
    ])
      expect(HostConfig).not.toHaveProperty(right)
    expect(rest).toMatchObject({ OpenStdin: true, StdinOnce: true, Tty: false, Cmd: [] })
    return true
  })

  prop("nothing is mounted but what was asked, so never the daemon's socket", arbitraryOf(Spec), (any) => {
    const { Mounts, ...others } = createBody(any).HostConfig
    expect(Mounts.map(({ Source, ReadOnly }) => [Source, ReadOnly])).toEqual(
      any.mounts.map(({ source, readOnly }) => [source, readOnly]),
    )
    return Object.keys(others).every((key) => !["Binds", "VolumesFrom"].includes(key))
  })

  prop("every published port is bound to 127.0.0.1", arbitraryOf(Spec), (any) => {
    const bindings = Object.values(createBody(any).HostConfig.PortBindings ?? {}).flat()
    return (
      bindings.length === (any.publishedPort === null ? 0 : 1) && bindings.every(({ HostIp }) => HostIp === "127.0.0.1")
    )
  })
})
