import { Deferred, Effect, Layer } from "effect"
import { signalOf } from "../docker/Crash.ts"
import { LocalError } from "../domain/Failure.ts"
import { reasonOf } from "../domain/Unknown.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import * as EngineLog from "../platform/engineLog.ts"
import * as Http from "../platform/http.ts"
import { findCommand } from "../platform/probes.ts"
import * as Process from "../platform/process.ts"
import { crashError } from "./EngineCrash.ts"
import { type EngineExit, type EngineHandle, EngineHost, type LaunchContext } from "./EngineHost.ts"
import * as EngineTexts from "./EngineTexts.ts"

const host = "127.0.0.1"

const spawnError = (launch: EngineLaunch, cause: unknown): LocalError =>
  new LocalError({
    reason: "spawn",
    message: `The ${launch.backend} engine could not be started: ${reasonOf(cause)}`,
    fix:
      launch.program.kind === "self"
        ? "Check that llem's own binary is still in place and may be executed."
        : `Check that ${launch.program.name} is installed and on PATH.`,
    details: { argv: launch.argv },
  })

const fill = (text: string, port: number, launch: EngineLaunch, { cell, directory }: LaunchContext): string =>
  text
    .replaceAll("{files}", directory)
    .replaceAll("{port}", String(port))
    .replaceAll("{host}", host)
    .replaceAll("{libraries}", launch.libraryFolders.join(":"))
    .replaceAll("{variant}", cell.placement.engineVariant ?? "")

export interface LocalHostOptions {
  readonly graceSeconds: number
  /** Values of variables that engines see although they are secret. */
  readonly secrets: (name: string) => string | undefined
}

const openLog = (request: EngineLaunch, path: string, secrets: LocalHostOptions["secrets"]) =>
  Effect.acquireRelease(
    Effect.try({
      try: () =>
        EngineLog.openLog(
          path,
          EngineLog.limitBytes,
          request.secretNames.flatMap((name) => secrets(name) ?? []),
        ),
      catch: (cause) => spawnError(request, cause),
    }),
    (log) => Effect.sync(() => log.close()),
  )

/** Options of engines in variables would reach those of this node only, and no result tells of them. */
const inherited = () => Process.inheritedEnvironment((name) => !name.startsWith("LLAMA_ARG_"))

/** An engine on this node sees the GPUs that its cell gets and no others, as one in a container does. */
const devicesOf = ({ cell }: LaunchContext): Readonly<Record<string, string>> => ({
  CUDA_DEVICE_ORDER: "PCI_BUS_ID",
  CUDA_VISIBLE_DEVICES: cell.placement.gpuUuids.join(","),
})

/** Ends every process of the group: asked first, killed after a grace period. */
const stop = (child: Process.Child, exit: Deferred.Deferred<EngineExit>, graceSeconds: number) =>
  Effect.gen(function* () {
    if (yield* Deferred.isDone(exit)) {
      yield* Effect.sync(() => child.signalGroup("SIGKILL"))
      return
    }
    yield* Effect.sync(() => child.signalGroup("SIGTERM"))
    yield* Deferred.await(exit).pipe(Effect.timeoutOption(`${graceSeconds} seconds`))
    yield* Effect.sync(() => child.signalGroup("SIGKILL"))
    // A process that the kernel cannot end, for it waits for a device, must not keep this one.
    yield* Deferred.await(exit).pipe(Effect.timeoutOption("10 seconds"))
  })

/**
 * How an engine is started: this program by itself, for its engine follows its parent; any other command under our
 * supervisor, which ends it when this process is killed.
 */
const programOf = (request: EngineLaunch) =>
  Effect.gen(function* () {
    const { program } = request
    if (program.kind === "self") return { command: Process.selfCommand(), input: null }
    const path = { ...inherited(), ...request.env }["PATH"] ?? ""
    const found = program.name.startsWith("/")
      ? program.name
      : yield* Effect.promise(() => findCommand(program.name, path))
    if (found === null) return yield* spawnError(request, new Error(`there is no ${program.name} on PATH`))
    return { command: [...Process.selfCommand(), "__supervise", found], input: "{}\n" }
  })

/** A supervised engine's end as its own: the supervisor tells a signal as 128 and its number. */
const unfold = ({ code, signal }: EngineExit): EngineExit => {
  const own = code === null ? null : signalOf(code)
  return own === null ? { code, signal } : { code: null, signal: own }
}

const launch = Effect.fn("ChildProcessHost.launch")(function* (
  request: EngineLaunch,
  context: LaunchContext,
  options: LocalHostOptions,
) {
  const port = yield* Effect.tryPromise({ try: () => Process.freePort(), catch: (cause) => spawnError(request, cause) })
  const { command, input } = yield* programOf(request)
  yield* EngineTexts.write(request, context.directory).pipe(Effect.mapError((cause) => spawnError(request, cause)))
  const logFile = `${context.directory}/engine.log`
  // Only a foreign program is told secrets, and may write them into its log.
  const log = input === null ? null : yield* openLog(request, logFile, options.secrets)
  const killsBefore = Process.outOfMemoryKills()
  const exit = yield* Deferred.make<EngineExit>()
  const child = yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        const started = Process.spawn({
          command: [...command, ...request.argv.map((argument) => fill(argument, port, request, context))],
          ...(input === null ? {} : { input }),
          ...(log === null ? {} : { onOutput: log.write }),
          env: { ...inherited(), ...devicesOf(context), ...request.env },
          logFile,
        })
        void started.exited.then((ended) =>
          Deferred.doneUnsafe(exit, Effect.succeed(input === null ? ended : unfold(ended))),
        )
        return started
      },
      catch: (cause) => spawnError(request, cause),
    }),
    (started) => stop(started, exit, options.graceSeconds),
  )
  const logTail = Effect.sync(() => Process.tailLines(logFile, 20))
  const handle: EngineHandle = {
    endpoint: { kind: "tcp", host, port },
    processIds: [child.pid],
    container: null,
    ask: (method, path) => Effect.promise(() => Http.ask(method, `http://${host}:${port}${path}`, 5000)),
    exit: Deferred.await(exit),
    logTail,
    crashError: (ended) =>
      Effect.map(logTail, (lines) => {
        const killsNow = Process.outOfMemoryKills()
        const outOfMemory = killsBefore !== null && killsNow !== null && killsNow > killsBefore
        return crashError({ engine: request.backend, exit: ended, logTail: lines, logFile, outOfMemory })
      }),
  }
  return handle
})

/** Engines as child processes of this one, each in its own process group, killed when SIGTERM does not end them in time. */
export const layer = (options: LocalHostOptions) =>
  Layer.succeed(EngineHost, EngineHost.of({ launch: (request, context) => launch(request, context, options) }))
