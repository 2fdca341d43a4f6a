import { Deferred, Effect, Layer, Option, Ref, Schedule } from "effect"
import { crashError } from "../docker/Crash.ts"
import { type ContainerState, Docker, type ImageInfo } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import { ownerText } from "../docker/Owner.ts"
import { DockerError } from "../domain/Failure.ts"
import { embeddedImage } from "../domain/OwnImage.ts"
import { reasonOf } from "../domain/Unknown.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import * as EngineLog from "../platform/engineLog.ts"
import * as Runtime from "../platform/engineRuntime.ts"
import * as Http from "../platform/http.ts"
import { architecture } from "../platform/nodeArchitecture.ts"
import * as Owner from "../platform/owner.ts"
import * as Process from "../platform/process.ts"
import * as Readable from "../platform/readable.ts"
import * as Watch from "./ContainerWatch.ts"
import * as Launch from "./DockerLaunch.ts"
import * as Network from "./DockerNetwork.ts"
import { type Endpoint, type EngineHandle, EngineHost, type LaunchContext } from "./EngineHost.ts"
import * as EngineTexts from "./EngineTexts.ts"

export interface DockerHostOptions {
  /** llem's own binary; null while it runs from its sources, and nothing can be started in a container. */
  readonly binary: string | null
  readonly cacheDirectories: ReadonlyArray<string>
  /** Values of secret variables, which engines get by name. */
  readonly secrets: (name: string) => string | undefined
  readonly graceSeconds: number
}

const removalSeconds = 15

const failure = (reason: DockerError["reason"], message: string, fix: string): DockerError =>
  new DockerError({ reason, message, fix, details: {} })

const remote = (image: string): DockerError =>
  failure(
    "remote",
    `The container of ${image} does not run on this node, where the meters are`,
    "Use a Docker daemon of this node (unset DOCKER_HOST, docker context use default).",
  )

const unreachable = (image: string): DockerError =>
  failure(
    "daemon",
    `The container of ${image} runs, but the Docker daemon names no address of it`,
    "See the daemon's log (journalctl -u docker), and whether its networks work: docker network ls.",
  )

const userOf = ({ uid, gids: [gid = 0, ...groups] }: Readable.Reader) => ({
  userAndGroup: `${uid}:${gid}`,
  groups: groups.filter((group) => group !== gid).map(String),
})

/**
 * Files that a container could not read: its engine has no privilege to pass over their modes, not even as root, which
 * it mostly is where its image's own user is kept. The root of a rootless daemon is whoever started that.
 */
const refuseUnreadable = (request: EngineLaunch, rootless: boolean) => {
  const asCaller = request.container.anyUser || rootless
  const caller = Process.reader()
  // A rootless daemon's containers have the user's own group, and none of the further ones.
  const own = rootless ? { ...caller, gids: caller.gids.slice(0, 1) } : caller
  const reader = asCaller ? own : { uid: 0, gids: [0] }
  const path = request.mounts
    .map(({ hostPath }) => Readable.unreadable(hostPath, reader))
    .find((found) => found !== null)
  return path === undefined
    ? Effect.void
    : failure(
        "mount",
        `An engine in a container may not read ${path}: it runs as user ${reader.uid} without any privilege, and the file's mode keeps that user out`,
        asCaller
          ? `Let that user read it, e.g. chmod -R o+rX ${path}, or run llem as its owner.`
          : `Let everybody read the model: chmod -R o+rX, on the folder that holds ${path}.`,
      )
}

/** What llem brings into an image that is not its own: itself, and what it is loaded with. */
const runtimeFor = (options: DockerHostOptions, reference: string) =>
  Effect.try({
    try: () => {
      const { binary } = options
      if (binary === null) throw new Error("it runs from its sources; build it (bun run build) and run dist/llem")
      if (reference === embeddedImage) return null
      return { binary, folder: Runtime.runtimeFolder(options.cacheDirectories), loader: architecture.loader }
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
      try: () => EngineLog.openLog(path, EngineLog.limitBytes, secrets),
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
        Effect.retry(Schedule.spaced("1 second")),
        Effect.timeoutOption(`${removalSeconds} seconds`),
        Effect.catch(() => Effect.succeedNone),
        Effect.flatMap((removed) => (Option.isNone(removed) ? keep(name) : Effect.void)),
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

/** The image's digest in the registry that it is named by, else in any that it came from, else its id. */
const digestOf = ({ repoDigests, id }: ImageInfo, reference: string): string => {
  const name = reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "")
  const own = repoDigests.find((one) => one.startsWith(`${name}@`))
  return (own ?? repoDigests[0])?.split("@")[1] ?? id
}

/**
 * The state of a container once its process was seen in its control group on this node; null when it was not. One
 * that ended at once is told of by `exit`, with its log, to whoever waits for it to become ready.
 */
const seenHere = (docker: Docker["Service"], id: string) =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < 10; attempt++) {
      const state = yield* docker.inspect(id)
      if (!state.running || Owner.inContainer(state.processId, id)) return state
      // A container that is being removed counts as running for a moment after its process is gone.
      yield* Effect.sleep("100 millis")
    }
    return null
  })

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
  readonly warnings: ReadonlyArray<string>
}

type TcpEndpoint = Extract<Endpoint, { kind: "tcp" }>

/** Where the engine answers; null while the daemon names no way to it. */
const endpointOf = (network: Network.EngineNetwork, state: ContainerState): TcpEndpoint | null => {
  if (network.published)
    return state.publishedPort === null ? null : { kind: "tcp", host: "127.0.0.1", port: state.publishedPort }
  const host = state.addresses[network.name]
  return host === undefined ? null : { kind: "tcp", host, port: Launch.enginePort }
}

/** A container that ended before it was looked at has no address any more: its end is told of by `exit`. */
const nowhere: TcpEndpoint = { kind: "tcp", host: "127.0.0.1", port: 1 }

/** The engine in a started container, as the harness sees it. */
const handleOf = (
  started: Started,
  state: ContainerState,
  endpoint: TcpEndpoint,
  memoryBytes: number | null,
): EngineHandle => {
  const { image, logFile, outcome } = started
  const logTail = Effect.sync(() => Process.tailLines(logFile, 20))
  return {
    endpoint,
    processIds: state.processId > 0 ? [state.processId] : [],
    container: {
      id: started.id,
      image: started.reference,
      imageDigest: digestOf(image, started.reference),
      imageId: image.id,
      network: started.network.published ? "published_port" : "private",
      dockerVersion: started.dockerVersion,
      warnings: started.warnings,
    },
    ask: (method, path) =>
      Effect.promise(() => Http.ask(method, `http://${endpoint.host}:${endpoint.port}${path}`, 5000)),
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
        yield* refuseUnreadable(request, daemon.rootless)
        const reached = yield* network
        const name = `${base}-${yield* Ref.updateAndGet(made, (count) => count + 1)}`
        const secrets = secretsOf(request.secretNames)
        const logFile = `${context.directory}/engine.log`
        const log = yield* openLog(logFile, Object.values(secrets))
        yield* EngineTexts.write(request, context.directory).pipe(
          Effect.mapError(({ message }) => failure("mount", message, "Free space in the results folder.")),
        )
        const spec = Launch.containerSpec({
          launch: request,
          context,
          image,
          reference,
          name,
          network: reached.name,
          published: reached.published,
          owner,
          user: userOf(Process.reader()),
          daemon,
          runtime,
        })
        // By name, which is ours: it goes also when the daemon made it and its answer never came.
        yield* Effect.addFinalizer(() => removal.remove(name))
        // Not to be interrupted: what the daemon still makes after an answer that nobody waited for would stay.
        const { id, warnings } = yield* Effect.uninterruptible(docker.create(spec))
        const attached = yield* docker.attach(id, log.write)
        const exited = yield* docker.awaitExit(id)
        yield* docker.start(id, reference)
        const outcome = yield* Watch.watch(docker, id, attached, exited)
        yield* Effect.addFinalizer(() =>
          Effect.gen(function* () {
            if (yield* Deferred.isDone(outcome)) return
            yield* Effect.ignore(docker.kill(id, "SIGTERM"))
            yield* Effect.timeoutOption(Deferred.await(outcome), `${options.graceSeconds} seconds`)
          }),
        )

        const state = yield* seenHere(docker, id)
        if (state === null) return yield* remote(reference)
        // Secrets go only to a container that was seen to be on this node.
        if (Launch.isSupervised(request)) yield* attached.writeInput(`${JSON.stringify(secrets)}\n`)
        const endpoint = endpointOf(reached, state)
        if (endpoint === null && (yield* docker.inspect(id)).running) return yield* unreachable(reference)
        const started = {
          id,
          launch: request,
          reference,
          image,
          dockerVersion: daemon.version,
          network: reached,
          logFile,
          outcome,
          warnings,
        }
        return handleOf(started, state, endpoint ?? nowhere, spec.memoryBytes)
      })

      return EngineHost.of({ launch })
    }),
  )
