import type Dockerode from "dockerode"
import { Effect, Layer, Schema } from "effect"
import { DockerError } from "../domain/Failure.ts"
import { reasonOf } from "../domain/Unknown.ts"
import * as Streams from "../platform/dockerStreams.ts"
import * as Absent from "./absent.ts"
import { createBody } from "./ContainerSpec.ts"
import { type Attachment, type ContainerState, Docker } from "./Docker.ts"
import { images } from "./dockerodeImages.ts"
import { ask, limits, refused, request, stream, unless } from "./dockerodeRequest.ts"

/** How the daemon is reached. */
export type Connection =
  | { readonly socketPath: string }
  | {
      readonly host: string
      readonly port: number
      readonly protocol: "http" | "https"
      /** false: whatever certificate the daemon shows is taken. */
      readonly verify: boolean
      readonly ca?: string
      readonly cert?: string
      readonly key?: string
    }

const Info = Schema.Struct({
  ID: Schema.optionalKey(Schema.String),
  ServerVersion: Schema.String,
  OperatingSystem: Schema.optionalKey(Schema.String),
  KernelVersion: Schema.optionalKey(Schema.String),
  Name: Schema.optionalKey(Schema.String),
  CgroupVersion: Schema.optionalKey(Schema.String),
  SecurityOptions: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  Runtimes: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))),
  DiscoveredDevices: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Struct({ ID: Schema.String })))),
  DockerRootDir: Schema.optionalKey(Schema.String),
})
const decodeInfo = Schema.decodeUnknownSync(Info)
const decodeVersion = Schema.decodeUnknownSync(Schema.Struct({ ApiVersion: Schema.optionalKey(Schema.String) }))

const info = (docker: Dockerode) =>
  request("info", limits.short, async () => {
    const [said, version] = await Promise.all([docker.info(), docker.version()])
    const found = decodeInfo(said)
    return {
      id: found.ID ?? "",
      version: found.ServerVersion,
      apiVersion: decodeVersion(version).ApiVersion ?? "",
      operatingSystem: found.OperatingSystem ?? "",
      kernelVersion: found.KernelVersion ?? "",
      hostName: found.Name ?? "",
      cgroupVersion: found.CgroupVersion ?? "",
      rootless: (found.SecurityOptions ?? []).some((option) => option.startsWith("name=rootless")),
      selinux: (found.SecurityOptions ?? []).some((option) => option.startsWith("name=selinux")),
      runtimes: Object.keys(found.Runtimes ?? {}),
      devices: (found.DiscoveredDevices ?? []).map(({ ID }) => ID),
      rootDirectory: found.DockerRootDir ?? "",
    }
  })

const state = (found: Dockerode.ContainerInspectInfo): ContainerState => {
  const published = Object.values(found.NetworkSettings.Ports ?? {}).flatMap((bindings) => bindings ?? [])[0]
  return {
    running: found.State.Running,
    exitCode: found.State.Running ? null : found.State.ExitCode,
    oomKilled: found.State.OOMKilled,
    error: found.State.Error,
    processId: found.State.Pid,
    addresses: Object.fromEntries(
      Object.entries(found.NetworkSettings.Networks ?? {}).flatMap(([name, network]) =>
        network.IPAddress === "" ? [] : [[name, network.IPAddress] as const],
      ),
    ),
    publishedPort: published === undefined ? null : Number(published.HostPort),
  }
}

const attach = (docker: Dockerode, id: string, onOutput: (bytes: Uint8Array) => void) =>
  Effect.acquireRelease(
    request("container", limits.short, () =>
      docker.getContainer(id).attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true }),
    ),
    (stream) => Effect.sync(() => Streams.destroy(stream)),
  ).pipe(
    Effect.map((stream): Attachment => {
      const output = Streams.sink(onOutput)
      docker.modem.demuxStream(stream, output, output)
      const ended = Streams.over(stream)
      return {
        writeInput: (text) => Effect.sync(() => void stream.write(text)),
        closeInput: Effect.sync(() => void stream.end()),
        ended: Effect.promise(() => ended),
      }
    }),
  )

const decodeExit = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ StatusCode: Schema.Finite })))

/**
 * The daemon sends the head of its answer once it waits, so that no start comes before it, and the rest when the
 * container has ended. The answer is read as a stream, since the client never tells when one breaks off.
 */
const awaitExit = (docker: Dockerode, id: string) =>
  Effect.gen(function* () {
    const signal = yield* Effect.abortSignal
    const answer = yield* request("container", limits.short, () =>
      stream(docker, { method: "POST", path: `/containers/${id}/wait?condition=next-exit&`, signal }),
    )
    const told = Streams.text(answer)
    // Whoever asks hears of a failure; until then it must not count as unhandled.
    told.catch(() => undefined)
    return Effect.tryPromise({
      try: async () => decodeExit(await told).StatusCode,
      catch: refused("container", null),
    })
  })

const decodeCreated = Schema.decodeUnknownSync(
  Schema.Struct({ Id: Schema.String, Warnings: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))) }),
)

const labelled = (label: string) => ({ filters: { label: [label] } })

const service = (docker: Dockerode): Docker["Service"] => {
  const container = (id: string) => docker.getContainer(id)
  return {
    info: info(docker),
    ...images(docker),
    create: (spec) =>
      request(
        "create",
        limits.work,
        async (signal) => {
          const path = `/containers/create?name=${encodeURIComponent(spec.name)}&`
          const made = decodeCreated(await ask(docker, { method: "POST", path, body: createBody(spec), signal }))
          return { id: made.Id, warnings: made.Warnings ?? [] }
        },
        spec.reference,
      ),
    attach: (id, onOutput) => attach(docker, id, onOutput),
    awaitExit: (id) => awaitExit(docker, id),
    start: (id, image) =>
      request("start", limits.work, (signal) => container(id).start({ abortSignal: signal }), image).pipe(
        unless([304]),
      ),
    kill: (id, signal) =>
      request("container", limits.short, () => container(id).kill({ signal })).pipe(unless([404, 409])),
    inspect: (id) => request("container", limits.short, async () => state(await container(id).inspect())),
    remove: (id) =>
      request("container", limits.work, () => container(id).remove({ force: true, v: true })).pipe(
        unless([404, 409]),
        Effect.asVoid,
      ),
    containers: (label) =>
      request("container", limits.short, async () =>
        (await docker.listContainers({ all: true, ...labelled(label) })).map((found) => ({
          id: found.Id,
          name: (found.Names[0] ?? "").replace(/^\//, ""),
          labels: found.Labels,
        })),
      ),
    createNetwork: (name, labels, internal) =>
      request("network", limits.work, () =>
        docker.createNetwork({
          Name: name,
          Driver: "bridge",
          Internal: internal,
          CheckDuplicate: true,
          Labels: { ...labels },
        }),
      ).pipe(Effect.asVoid),
    removeNetwork: (name) =>
      request("network", limits.work, () => docker.getNetwork(name).remove()).pipe(unless([404])),
    networks: (label) =>
      request("network", limits.short, async () =>
        (await docker.listNetworks(labelled(label))).map((found) => ({
          id: found.Id,
          name: found.Name,
          labels: found.Labels ?? {},
        })),
      ),
  }
}

const unusable = (cause: unknown): DockerError =>
  new DockerError({
    reason: "daemon",
    message: `The connection to the Docker daemon cannot be made: ${reasonOf(cause)}`,
    fix: "Check the certificates in DOCKER_CERT_PATH or in the docker context (ca.pem, cert.pem, key.pem).",
    details: {},
  })

/** A daemon whose certificate is taken as it is, since a docker context says so. */
const trusting = async (connection: Connection) => {
  if ("socketPath" in connection || connection.protocol === "http" || connection.verify) return {}
  const { trustingAgent } = await import("../platform/trustingAgent.ts")
  return { agent: trustingAgent() }
}

/**
 * A daemon over its HTTP API. The client is loaded only when this layer is built; where it cannot be made of what the
 * environment names, every answer is the reason.
 */
export const layer = (connection: Connection): Layer.Layer<Docker> =>
  Layer.unwrap(
    Effect.tryPromise({
      try: async () => {
        const { default: Client } = await import("dockerode")
        return new Client({ ...connection, ...(await trusting(connection)) })
      },
      catch: unusable,
    }).pipe(
      Effect.match({
        onFailure: (error) => Absent.layer(error),
        onSuccess: (client) => Layer.succeed(Docker, Docker.of(service(client))),
      }),
    ),
  )
