import { Deferred, Effect, Layer, Ref, Schedule } from "effect"
import { crashError } from "../docker/Crash.ts"
import { type ContainerState, Docker, type ImageInfo } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import { ownerText } from "../docker/Owner.ts"
import { DockerError } from "../domain/Failure.ts"
import { embeddedImage } from "../domain/OwnImage.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import * as EngineLog from "../platform/engineLog.ts"
import * as Runtime from "../platform/engineRuntime.ts"
import * as Http from "../platform/http.ts"
import * as Owner from "../platform/owner.ts"
import * as Process from "../platform/process.ts"
import * as Watch from "./ContainerWatch.ts"
import * as Launch from "./DockerLaunch.ts"
import * as Network from "./DockerNetwork.ts"
import { type EngineHandle, EngineHost, type LaunchContext } from "./EngineHost.ts"

export interface DockerHostOptions {
  /** llem's own binary; null while it runs from its sources, and nothing can be started in a container. */
  readonly binary: string | null
  readonly cacheDirectories: ReadonlyArray<string>
  /** Values of secret variables, which engines get by name. */
  readonly secrets: (name: string) => string | undefined
  readonly graceSeconds: number
}

const logLimitBytes = 64 * 1024 * 1024
const removalAttempts = 5

const failure = (reason: DockerError["reason"], message: string, fix: string): DockerError =>
  new DockerError({ reason, message, fix, details: {} })

const remote = (image: string): DockerError =>
  failure(
    "remote",
    `The container of ${image} does not run on this node, where the meters are`,
    "Use a Docker daemon of this node (unset DOCKER_HOST, docker context use default).",
  )

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** What llem brings into an image that is not its own: itself, and what it is loaded with. */
const runtimeFor = (options: DockerHostOptions, reference: string) =>
  Effect.try({
    try: () => {
      const { binary } = options
      if (binary === null) throw new Error("it runs from its sources; build it (bun run build) and run dist/llem")
      return reference === embeddedImage ? null : { binary, folder: Runtime.runtimeFolder(options.cacheDirectories) }
    },
    catch: (cause) =>
      failure(
        "mount",
        `llem cannot bring itself into the container: ${reasonOf(cause)}`,
        "Give LLEM_CACHE_DIR a folder that can be written.",
      ),
  })

/** The engine's log in the cell's folder, without the values of secrets. */
const openLog = (path: string, secrets: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => EngineLog.openLog(path, logLimitBytes, secrets),
      catch: (cause) =>
        failure("mount", `${path} cannot be written: ${reasonOf(cause)}`, "Free space in the results folder."),
    }),
    (log) => Effect.sync(() => log.close()),
  )

/** Removal of containers by name; what a daemon that is away cannot remove is tried again before the next launch. */
const makeRemoval = (docker: Docker["Service"]) =>
  Effect.gen(function* () {
    const undead = yield* Ref.make<ReadonlyArray<string>>([])
    const keep = (name: string) => Ref.update(undead, (names) => [...names, name])
    const again = Effect.gen(function* () {
      const names = yield* Ref.getAndSet(undead, [])
      yield* Effect.forEach(names, (name) => Effect.catch(docker.remove(name), () => keep(name)), { discard: true })
    })
    yield* Effect.addFinalizer(() => again)
    const remove = (name: string) =>
      docker.remove(name).pipe(
        Effect.retry({ times: removalAttempts, schedule: Schedule.spaced("1 second") }),
        Effect.catch(() => keep(name)),
      )
    return { remove, again }
  })

/** Runs an effect until it has succeeded once, and gives that value from then on. */
const remembered = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Ref.make<A | null>(null), (slot) =>
    Effect.flatMap(Ref.get(slot), (value) =>
      value === null ? Effect.tap(effect, (made) => Ref.set(slot, made)) : Effect.succeed(value),
    ),
  )

/** A container that was started, as far as its handle tells of it. */
interface Started {
  readonly id: string
  readonly launch: EngineLaunch
  readonly reference: string
  readonly image: ImageInfo
  readonly dockerVersion: string
  readonly network: Network.EngineNetwork
  readonly logFile: string
  readonly outcome: Deferred.Deferred<Watch.ContainerOutcome>
}

const endpointOf = ({ network }: Started, state: ContainerState) =>
  network.published
    ? { kind: "tcp" as const, host: "127.0.0.1", port: state.publishedPort ?? Launch.enginePort }
    : { kind: "tcp" as const, host: state.addresses[network.name] ?? "127.0.0.1", port: Launch.enginePort }

/** The engine in a started container, as the harness sees it. */
const handleOf = (started: Started, state: ContainerState, memoryBytes: number | null): EngineHandle => {
  const { image, logFile, outcome } = started
  const endpoint = endpointOf(started, state)
  const logTail = Effect.sync(() => Process.tailLines(logFile, 20))
  return {
    endpoint,
    processIds: state.processId > 0 ? [state.processId] : [],
    container: {
      id: started.id,
      image: started.reference,
      imageDigest: image.repoDigests[0]?.split("@")[1] ?? image.id,
      imageId: image.id,
      network: started.network.published ? "published_port" : "private",
      dockerVersion: started.dockerVersion,
    },
    get: (path) => Effect.promise(() => Http.get({ url: `http://${endpoint.host}:${endpoint.port}${path}` }, 5000)),
    exit: Effect.map(Deferred.await(outcome), Watch.exitOf),
    logTail,
    crashError: () =>
      Effect.gen(function* () {
        const { lost, exitCode, state: last } = yield* Deferred.await(outcome)
        if (lost !== null) return lost
        return crashError({
          engine: started.launch.backend,
          image: started.reference,
          state: last,
          exitCode: exitCode ?? 0,
          logTail: yield* logTail,
          logFile,
          memoryBytes,
        })
      }),
  }
}

/** Engines in containers of their own, on a private network without a way out, removed whatever happens. */
export const layer = (options: DockerHostOptions) =>
  Layer.effect(
    EngineHost,
    Effect.gen(function* () {
      const docker = yield* Docker
      const images = yield* EngineImages
      const owner = Owner.self()
      const base = `llem-${owner.pid}-${Owner.randomName()}`
      const made = yield* Ref.make(0)
      const info = yield* remembered(docker.info)
      const network = yield* Network.make(docker, info, base, ownerText(owner))
      const removal = yield* makeRemoval(docker)

      const secretsOf = (names: ReadonlyArray<string>): Readonly<Record<string, string>> =>
        Object.fromEntries(
          names.flatMap((name) => {
            const value = options.secrets(name)
            return value === undefined || value === "" ? [] : [[name, value] as const]
          }),
        )

      const launch = Effect.fn("DockerHost.launch")(function* (request: EngineLaunch, context: LaunchContext) {
        const reference = context.cell.runner.image ?? embeddedImage
        yield* removal.again
        const runtime = yield* runtimeFor(options, reference)
        const { info: image } = yield* images.ensure(reference)
        const daemon = yield* info
        const reached = yield* network
        const name = `${base}-${yield* Ref.updateAndGet(made, (count) => count + 1)}`
        const secrets = secretsOf(request.secretNames)
        const logFile = `${context.directory}/engine.log`
        const log = yield* openLog(logFile, Object.values(secrets))
        const spec = Launch.containerSpec({
          launch: request,
          context,
          image,
          reference,
          name,
          network: reached.name,
          published: reached.published,
          owner,
          user: Process.userAndGroup(),
          gpuDriver: daemon.devices.some((device) => device.startsWith("nvidia.com/gpu")) ? "cdi" : "nvidia",
          runtime,
        })
        // By name, which is ours: it goes also when the daemon made it and its answer never came.
        yield* Effect.addFinalizer(() => removal.remove(name))
        // Not to be interrupted: what the daemon still makes after an answer that nobody waited for would stay.
        const id = yield* Effect.uninterruptible(docker.create(spec))
        const attached = yield* docker.attach(id, log.write)
        const exited = yield* docker.awaitExit(id)
        yield* docker.start(id, reference)
        if (Launch.isSupervised(request)) yield* attached.writeInput(`${JSON.stringify(secrets)}\n`)
        const outcome = yield* Watch.watch(docker, id, attached, exited)
        yield* Effect.addFinalizer(() =>
          Effect.gen(function* () {
            if (yield* Deferred.isDone(outcome)) return
            yield* Effect.ignore(docker.kill(id, "SIGTERM"))
            yield* Effect.timeoutOption(Deferred.await(outcome), `${options.graceSeconds} seconds`)
          }),
        )

        const state = yield* docker.inspect(id)
        // One that ended at once is told of by `exit`, with its log, to whoever waits for it to become ready.
        const isHere = !state.running || Owner.inContainer(state.processId, id)
        if (!isHere && (yield* docker.inspect(id)).running) return yield* remote(reference)
        return handleOf(
          { id, launch: request, reference, image, dockerVersion: daemon.version, network: reached, logFile, outcome },
          state,
          spec.memoryBytes,
        )
      })

      return EngineHost.of({ launch })
    }),
  )
