import { Deferred, Effect, Layer, Ref, Schedule, Semaphore } from "effect"
import { crashError, signalOf } from "../docker/Crash.ts"
import { type ContainerState, Docker } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import { labels, ownerText } from "../docker/Owner.ts"
import { DockerError } from "../domain/Failure.ts"
import { embeddedImage } from "../domain/Version.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import * as EngineLog from "../platform/engineLog.ts"
import * as Runtime from "../platform/engineRuntime.ts"
import * as Http from "../platform/http.ts"
import * as Owner from "../platform/owner.ts"
import * as Process from "../platform/process.ts"
import * as Launch from "./DockerLaunch.ts"
import { type Endpoint, type EngineExit, type EngineHandle, EngineHost, type LaunchContext } from "./EngineHost.ts"

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

const lost = (cause: DockerError): DockerError =>
  new DockerError({
    reason: "daemon",
    message: `The Docker daemon went away while the engine ran: ${cause.message}`,
    fix: "Check that Docker runs (sudo systemctl status docker); the other cells go on when it is back.",
    details: cause.details,
  })

/** Exit code that stands for a container whose daemon cannot be asked any more. */
const unknownExit = -1

/** Engines in containers of their own, on a private network without a way out, removed whatever happens. */
export const layer = (options: DockerHostOptions) =>
  Layer.effect(
    EngineHost,
    Effect.gen(function* () {
      const docker = yield* Docker
      const images = yield* EngineImages
      const identity = Owner.self()
      const base = `llem-${identity.pid}-${Owner.randomName()}`
      const made = yield* Ref.make(0)
      /** Containers that the daemon could not remove when they should have gone. */
      const undead = yield* Ref.make<ReadonlyArray<string>>([])
      const info = yield* Effect.cached(docker.info)

      const removeAll = Effect.gen(function* () {
        const names = yield* Ref.getAndSet(undead, [])
        yield* Effect.forEach(names, (name) =>
          Effect.catch(docker.remove(name), () => Ref.update(undead, (others) => [...others, name])),
        )
      })

      const networkLock = yield* Semaphore.make(1)
      const networkMade = yield* Ref.make(false)
      /** One network for all engines of this process; made again where a daemon that restarted has lost it. */
      const network = networkLock.withPermits(1)(
        Effect.gen(function* () {
          const { rootless } = yield* info
          if (
            !(yield* Ref.get(networkMade)) ||
            (yield* docker.networks(labels.owner)).every(({ name }) => name !== base)
          ) {
            yield* docker.createNetwork(base, { [labels.owner]: ownerText(identity) }, !rootless)
            yield* Ref.set(networkMade, true)
          }
          return { name: base, published: rootless }
        }),
      )

      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          yield* removeAll
          if (yield* Ref.get(networkMade)) yield* docker.removeNetwork(base)
        }).pipe(Effect.ignore),
      )

      /** Removes a container; a daemon that is away for a moment gets some time to come back. */
      const remove = (name: string) =>
        docker.remove(name).pipe(
          Effect.retry({ times: removalAttempts, schedule: Schedule.spaced("1 second") }),
          Effect.catch(() => Ref.update(undead, (names) => [...names, name])),
        )

      const runtimeFor = (reference: string) =>
        Effect.try({
          try: () => {
            const { binary } = options
            if (binary === null)
              throw new Error("llem runs from its sources; build it (bun run build) and run dist/llem")
            return reference === embeddedImage
              ? null
              : { binary, folder: Runtime.runtimeFolder(options.cacheDirectories) }
          },
          catch: (cause) =>
            failure(
              "mount",
              `llem cannot bring itself into the container: ${cause instanceof Error ? cause.message : String(cause)}`,
              "Give LLEM_CACHE_DIR a folder that can be written.",
            ),
        })

      const launch = Effect.fn("DockerHost.launch")(function* (request: EngineLaunch, context: LaunchContext) {
        const { runner } = context.cell
        const reference = runner.image ?? embeddedImage
        yield* removeAll
        const runtime = yield* runtimeFor(reference)
        const { info: image } = yield* images.ensure(reference)
        const daemon = yield* info
        const { name: networkName, published } = yield* network
        const number = yield* Ref.updateAndGet(made, (count) => count + 1)
        const name = `${base}-${number}`
        const logFile = `${context.directory}/engine.log`
        const given = Object.fromEntries(
          request.secretNames.flatMap((secret) => {
            const value = options.secrets(secret)
            return value === undefined || value === "" ? [] : [[secret, value] as const]
          }),
        )
        const log = yield* Effect.acquireRelease(
          Effect.try({
            try: () => EngineLog.openLog(logFile, logLimitBytes, Object.values(given)),
            catch: (cause) =>
              failure("mount", `${logFile} cannot be written: ${String(cause)}`, "Free space in the results folder."),
          }),
          (opened) => Effect.sync(() => opened.close()),
        )
        const spec = Launch.containerSpec({
          launch: request,
          context,
          image,
          reference,
          name,
          network: networkName,
          published,
          owner: identity,
          user: Process.userAndGroup(),
          gpuDriver: daemon.devices.some((device) => device.startsWith("nvidia.com/gpu")) ? "cdi" : "nvidia",
          runtime,
        })
        // By name, which is ours: it goes also when the daemon made it and its answer never came.
        yield* Effect.addFinalizer(() => remove(name))
        const id = yield* docker.create(spec)
        const attached = yield* docker.attach(id, log.write)
        const exited = yield* docker.awaitExit(id)
        yield* docker.start(id, reference)
        yield* attached.writeInput(Launch.isSupervised(request) ? `${JSON.stringify(given)}\n` : "")

        const last = yield* Ref.make<ContainerState | null>(null)
        const exit = yield* Deferred.make<EngineExit>()
        /** A connection that ends tells of a container that did, or of a daemon that is gone. */
        const afterOutput = Effect.gen(function* () {
          yield* attached.ended
          while (true) {
            const state = yield* docker.inspect(id)
            if (!state.running) return state.exitCode ?? 0
            yield* Effect.sleep("50 millis")
          }
        })
        const watch = Effect.raceFirst(exited, afterOutput).pipe(
          Effect.flatMap((code) =>
            Effect.gen(function* () {
              yield* Effect.ignore(Effect.flatMap(docker.inspect(id), (state) => Ref.set(last, state)))
              const signal = signalOf(code)
              yield* Deferred.succeed(exit, { code: signal === null ? code : null, signal })
              return code
            }),
          ),
        )
        const problem = yield* Ref.make<DockerError | null>(null)
        const code = yield* Ref.make(unknownExit)
        yield* watch.pipe(
          Effect.flatMap((ended) => Ref.set(code, ended)),
          Effect.catch((error) =>
            Effect.andThen(Ref.set(problem, lost(error)), Deferred.succeed(exit, { code: null, signal: null })),
          ),
          Effect.forkScoped,
        )
        yield* Effect.addFinalizer(() =>
          Effect.gen(function* () {
            if (yield* Deferred.isDone(exit)) return
            yield* Effect.ignore(docker.kill(id, "SIGTERM"))
            yield* Effect.timeoutOption(Deferred.await(exit), `${options.graceSeconds} seconds`)
          }),
        )

        const state = yield* docker.inspect(id)
        const logTail = Effect.sync(() => Process.tailLines(logFile, 20))
        const crashed = (ended: EngineExit) =>
          Effect.gen(function* () {
            const gone = yield* Ref.get(problem)
            if (gone !== null) return gone
            const exitCode = yield* Ref.get(code)
            return crashError({
              engine: request.backend,
              image: reference,
              state: yield* Ref.get(last),
              exitCode: exitCode === unknownExit ? (ended.code ?? unknownExit) : exitCode,
              logTail: yield* logTail,
              logFile,
              memoryBytes: spec.memoryBytes,
            })
          })
        // One that ended at once is told of by `exit`, with its log, by whoever waits for it to become ready.
        if (state.running && !Owner.inContainer(state.processId, id)) return yield* remote(reference)
        const endpoint: Endpoint = published
          ? { kind: "tcp", host: "127.0.0.1", port: state.publishedPort ?? Launch.enginePort }
          : { kind: "tcp", host: state.addresses[networkName] ?? "127.0.0.1", port: Launch.enginePort }
        const handle: EngineHandle = {
          endpoint,
          processIds: state.processId > 0 ? [state.processId] : [],
          container: {
            id,
            image: reference,
            imageDigest: image.repoDigests[0]?.split("@")[1] ?? image.id,
            imageId: image.id,
            network: published ? "published_port" : "private",
            dockerVersion: daemon.version,
          },
          get: (path) =>
            Effect.promise(() => Http.get({ url: `http://${endpoint.host}:${endpoint.port}${path}` }, 5000)),
          exit: Deferred.await(exit),
          logTail,
          crashError: crashed,
        }
        return handle
      })

      return EngineHost.of({ launch })
    }),
  )
