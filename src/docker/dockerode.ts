import type Dockerode from "dockerode"
import { Effect, Layer, Schema } from "effect"
import type { DockerError } from "../domain/Failure.ts"
import * as Streams from "../platform/dockerStreams.ts"
import { trustingAgent } from "../platform/trustingAgent.ts"
import { createBody } from "./ContainerSpec.ts"
import { type Attachment, type ContainerState, Docker, type ImageInfo } from "./Docker.ts"
import * as Pull from "./PullProgress.ts"
import { type Doing, dockerError, silent } from "./Refusal.ts"

/** How the daemon is reached. */
export type Connection =
  | { readonly socketPath: string }
  | {
      readonly host: string
      readonly port: number
      readonly protocol: "http" | "https"
      readonly ca?: string
      readonly cert?: string
      readonly key?: string
      /** false: whatever certificate the daemon shows is taken. */
      readonly verify?: boolean
    }

/** Seconds that requests may take before the daemon counts as silent. */
const limits = { short: 10, work: 120, transfer: 1800 } as const

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const statusOf = (cause: unknown): number | null => {
  const status = property(cause, "statusCode")
  return typeof status === "number" ? status : null
}

const messageOf = (cause: unknown): string => {
  const inBody = property(property(cause, "json"), "message")
  if (typeof inBody === "string") return inBody
  const text = cause instanceof Error ? cause.message : String(cause)
  // The client's own words stand before the daemon's where the answer came as a stream.
  return text.replace(/^\(HTTP code \d+\) [^-]* - /, "")
}

const refused =
  (doing: Doing, image: string | null) =>
  (cause: unknown): DockerError => {
    const status = statusOf(cause)
    const code = property(cause, "code")
    return dockerError({
      doing,
      status,
      code: status === null && typeof code === "string" ? code : null,
      message: messageOf(cause),
      image,
    })
  }

const request = <A>(
  doing: Doing,
  seconds: number,
  run: (signal: AbortSignal) => Promise<A>,
  image: string | null = null,
): Effect.Effect<A, DockerError> =>
  Effect.tryPromise({ try: run, catch: refused(doing, image) }).pipe(
    Effect.timeoutOrElse({
      duration: `${seconds} seconds`,
      orElse: () => Effect.fail(silent(doing, seconds, image)),
    }),
  )

/** Passes where the daemon says that the thing is not there, or is in that state already. */
const unless =
  (statuses: ReadonlyArray<number>) =>
  <A>(effect: Effect.Effect<A, DockerError>): Effect.Effect<void, DockerError> =>
    effect.pipe(
      Effect.asVoid,
      Effect.catchIf(
        ({ details }) => typeof details["status"] === "number" && statuses.includes(details["status"]),
        () => Effect.void,
      ),
    )

/** An answer as a stream, once its head has come. The path ends in a question mark or an ampersand. */
const stream = (
  docker: Dockerode,
  method: "GET" | "POST",
  path: string,
  signal?: AbortSignal,
): Promise<NodeJS.ReadableStream> =>
  new Promise((resolve, reject) => {
    const options = {
      // The client takes the last character of a path with a question mark for that mark, and cuts it off.
      path,
      method,
      isStream: true,
      statusCodes: { 200: true, 404: "not found", 500: "server error" },
      ...(signal === undefined ? {} : { abortSignal: signal }),
    }
    docker.modem.dial(options, (error: unknown, answer: unknown) =>
      Streams.isReadable(answer) ? resolve(answer) : reject(error),
    )
  })

/** One docker-archive of several images, as a stream. */
const archive = (docker: Dockerode, references: ReadonlyArray<string>): Promise<NodeJS.ReadableStream> =>
  stream(docker, "GET", `/images/get?${references.map((name) => `names=${encodeURIComponent(name)}`).join("&")}&`)

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
      runtimes: Object.keys(found.Runtimes ?? {}),
      devices: (found.DiscoveredDevices ?? []).map(({ ID }) => ID),
      rootDirectory: found.DockerRootDir ?? "",
    }
  })

const words = (value: string | ReadonlyArray<string> | null | undefined): ReadonlyArray<string> =>
  typeof value === "string" ? [value] : (value ?? [])

const imageInfo = (found: Dockerode.ImageInspectInfo): ImageInfo => ({
  id: found.Id,
  repoDigests: found.RepoDigests ?? [],
  tags: found.RepoTags ?? [],
  entrypoint: words(found.Config?.Entrypoint),
  command: words(found.Config?.Cmd),
  sizeBytes: found.Size,
  labels: found.Config?.Labels ?? {},
})

/** Follows a stream of JSON events to its end; an error inside it is an error, though the status was 200. */
const follow = (docker: Dockerode, stream: NodeJS.ReadableStream, onEvent: (event: unknown) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let problem: string | null = null
    docker.modem.followProgress(
      stream,
      (error) => {
        if (error !== null && error !== undefined) reject(error)
        else if (problem !== null) reject(new Error(problem))
        else resolve()
      },
      (event: unknown) => {
        problem ??= Pull.errorOf(event)
        onEvent(event)
      },
    )
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
      stream(docker, "POST", `/containers/${id}/wait?condition=next-exit&`, signal),
    )
    const told = Streams.text(answer)
    // Whoever asks hears of a failure; until then it must not count as unhandled.
    told.catch(() => undefined)
    return Effect.tryPromise({
      try: async () => decodeExit(await told).StatusCode,
      catch: refused("container", null),
    })
  })

const labelled = (label: string) => ({ filters: { label: [label] } })

const service = (docker: Dockerode): Docker["Service"] => {
  const container = (id: string) => docker.getContainer(id)
  return {
    info: info(docker),
    image: (reference) =>
      request("image", limits.short, async () => imageInfo(await docker.getImage(reference).inspect()), reference).pipe(
        Effect.catchIf(
          (error) => error.details["status"] === 404,
          () => Effect.succeed(null),
        ),
      ),
    images: () =>
      request("image", limits.short, async () =>
        (await docker.listImages()).map((found) => ({
          id: found.Id,
          repoDigests: found.RepoDigests ?? [],
          tags: found.RepoTags ?? [],
          entrypoint: [],
          command: [],
          sizeBytes: found.Size,
          labels: found.Labels ?? {},
        })),
      ),
    pull: (reference, auth, onProgress) =>
      request(
        "pull",
        limits.transfer,
        async (signal) => {
          const authconfig =
            auth === null
              ? {}
              : {
                  authconfig: {
                    serveraddress: auth.serverAddress,
                    ...(auth.username === undefined ? {} : { username: auth.username, password: auth.password ?? "" }),
                    ...(auth.identityToken === undefined ? {} : { identitytoken: auth.identityToken }),
                  },
                }
          const stream = await docker.pull(reference, { ...authconfig, abortSignal: signal })
          let layers: Pull.Layers = new Map()
          await follow(docker, stream, (event) => {
            layers = Pull.follow(layers, event)
            onProgress(Pull.sum(layers))
          })
        },
        reference,
      ),
    load: (file) =>
      request("load", limits.transfer, async () => {
        await follow(docker, await docker.loadImage(Streams.fromFile(file)), () => undefined)
      }),
    save: (references, file) =>
      request(
        "save",
        limits.transfer,
        async () => Streams.toFile(await archive(docker, references), file),
        references.join(", "),
      ),
    create: (spec) =>
      request(
        "create",
        limits.work,
        async (signal) => {
          const made = await docker.createContainer({ name: spec.name, ...createBody(spec), abortSignal: signal })
          return made.id
        },
        spec.image,
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

const clientOptions = (connection: Connection) => {
  if ("socketPath" in connection) return connection
  const { verify, ...address } = connection
  return verify === false ? { ...address, agent: trustingAgent() } : address
}

/** A daemon over its HTTP API. The client is loaded only when this layer is built. */
export const layer = (connection: Connection): Layer.Layer<Docker> =>
  Layer.effect(
    Docker,
    Effect.map(
      Effect.promise(() => import("dockerode")),
      ({ default: Client }) => Docker.of(service(new Client(clientOptions(connection)))),
    ),
  )
