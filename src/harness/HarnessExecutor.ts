import { Effect, Layer, Option, Ref, Schema } from "effect"
import { EngineError, LocalError } from "../domain/Failure.ts"
import { HostFacts } from "../domain/HostFacts.ts"
import { type ContainerRef, inContainer } from "../domain/InContainer.ts"
import type { Cell } from "../domain/Plan.ts"
import type { RequestRecord } from "../domain/Request.ts"
import { strictGateSeconds } from "../domain/Study.ts"
import { Timeline } from "../domain/Timeline.ts"
import type { Engine, EngineLaunch, Unsupported } from "../engines/Engine.ts"
import * as Engines from "../engines/Engines.ts"
import { Models } from "../engines/Models.ts"
import type { EngineHandle } from "../executors/EngineHost.ts"
import { type CellContext, Executor } from "../executors/Executor.ts"
import { Meter } from "../meters/Meter.ts"
import { CellFiles, type StoreError } from "../store/Store.ts"
import { Datasets } from "../workload/Datasets.ts"
import { LoadClient } from "../workload/LoadClient.ts"
import * as Schedules from "../workload/Schedules.ts"
import * as BaselineCache from "./BaselineCache.ts"
import { DeviceGate } from "./DeviceGate.ts"
import { EnginePool } from "./EnginePool.ts"
import type { Observation } from "./Observation.ts"
import * as Phases from "./Phases.ts"
import * as Readiness from "./Readiness.ts"
import * as Record from "./Record.ts"
import * as Warmup from "./Warmup.ts"

const decodeDetails = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

const unsupportedError = (cell: Cell, problems: ReadonlyArray<Unsupported>): EngineError =>
  new EngineError({
    reason: "unsupported",
    message: `The ${cell.experiment.backend} engine cannot do what this experiment asks: ${problems
      .map((problem) => `${problem.field}: ${problem.message}`)
      .join("; ")}`,
    fix: "Change or remove these fields, or choose another backend.",
    details: { fields: problems.map((problem) => problem.field) },
  })

const storageError = (error: StoreError): LocalError =>
  new LocalError({ reason: "storage", message: error.message, fix: error.fix, details: { path: error.path } })

const limited = <A, E, R>(effect: Effect.Effect<A, E, R>, seconds: number, phase: string, cell: Cell) =>
  Effect.timeoutOrElse(effect, {
    duration: `${seconds} seconds`,
    orElse: () => Effect.fail(timedOut(phase, seconds, cell.experiment.backend)),
  })

const timedOut = (phase: string, seconds: number, backend: string): EngineError =>
  new EngineError({
    reason: "timeout",
    message: `The ${phase} of the ${backend} engine took longer than ${seconds} s`,
    fix: "Reduce the experiment, or raise the limit in execution.timeouts.",
    details: { phase, limit_seconds: seconds },
  })

/** The engine's description, or the error that this build has no adapter for the backend. */
const engineOf = (cell: Cell): Effect.Effect<Engine, EngineError> => {
  const engine = Engines.byBackend(cell.experiment.backend)
  return engine === null
    ? Effect.fail(unsupportedError(cell, [{ field: "backend", message: "this build has no adapter for it" }]))
    : Effect.succeed(engine)
}

/** What the running engine says of itself; empty when it says nothing. */
const engineDetails = (handle: EngineHandle, launch: EngineLaunch) =>
  Effect.map(launch.infoPath === null ? Effect.succeed(null) : handle.ask("GET", launch.infoPath), (answer) => {
    const parsed = answer === null || answer.status !== 200 ? Option.none() : decodeDetails(answer.body)
    const details = Option.getOrElse(parsed, (): Readonly<Record<string, unknown>> => ({}))
    const version = details[launch.versionField ?? "version"]
    const kept = launch.detailFields ?? Object.keys(details)
    return {
      version: typeof version === "string" ? version : null,
      details: Object.fromEntries(Object.entries(details).filter(([name]) => kept.includes(name))),
    }
  })

const containerRef = ({ container }: EngineHandle): ContainerRef | null =>
  container === null ? null : { id: container.id, image_digest: container.imageDigest, network: container.network }

const cutOff = ["connect", "reset", "incomplete"]

/**
 * Connections of a dying engine break before its end is told, above all while the kernel writes its memory out: where
 * requests were cut off, a crash gets the time to show itself.
 */
const seeDeath = (handle: EngineHandle, failures: ReadonlyArray<{ readonly kind: string } | null>) =>
  failures.some((failure) => failure !== null && cutOff.includes(failure.kind))
    ? Effect.raceFirst(Readiness.crash(handle), Effect.sleep("3 seconds"))
    : Effect.void

/** An engine that went silent is a failure of the cell, not a slow request. */
const silenceOrNone = (requests: ReadonlyArray<RequestRecord>, launch: EngineLaunch, handle: EngineHandle) =>
  Effect.gen(function* () {
    const silent = requests.filter((request) => request.error?.kind === "silence")
    if (silent.length === 0) return
    return yield* new EngineError({
      reason: "silence",
      message: `The ${launch.backend} engine sent nothing on ${silent.length} of ${requests.length} requests for longer than the limit`,
      fix: "See its log; raise execution.timeouts.silence_seconds if it is only slow.",
      details: { log_tail: yield* handle.logTail },
    })
  })

/** A request that fails while nothing is measured yet will fail in the window too. */
const requestError = (launch: EngineLaunch, failure: { kind: string; message: string }, handle: EngineHandle) =>
  Effect.gen(function* () {
    return yield* new EngineError({
      reason: "request",
      message: `The ${launch.backend} engine refused a warm-up request (${failure.kind}): ${failure.message}`,
      fix: "Check prompt and output lengths against the context, and the engine's log.",
      details: { log_tail: yield* handle.logTail },
    })
  })

/** Makes a kept engine forget the requests of the cell before. */
const forget = (handle: EngineHandle, launch: EngineLaunch) =>
  Effect.gen(function* () {
    if (launch.resetPath === undefined) return
    const answer = yield* handle.ask("POST", launch.resetPath)
    if (answer?.status === 200) return
    return yield* new EngineError({
      reason: "request",
      message: `The ${launch.backend} engine was kept from the cell before and could not be made to forget its requests (${answer === null ? "no answer" : `status ${answer.status}`})`,
      fix: "Give every cell an engine of its own: execution.reuse_engine: false.",
      details: { log_tail: yield* handle.logTail },
    })
  })

/** Tells whoever watches how fast tokens come and what the node draws, about once a second. */
const reportLive = (context: CellContext, tokens: { readonly count: number }, watts: Effect.Effect<number | null>) =>
  Effect.gen(function* () {
    const timeline = yield* Timeline
    let before = { count: tokens.count, atSeconds: yield* timeline.now }
    while (true) {
      yield* Effect.sleep("1 second")
      const now = { count: tokens.count, atSeconds: yield* timeline.now }
      const tokensPerSecond = (now.count - before.count) / (now.atSeconds - before.atSeconds)
      yield* context.onLive({ tokensPerSecond, watts: yield* watts })
      before = now
    }
  })

/**
 * The executor that measures: one experiment from gate to record over whatever host, meters and client the layers
 * hold. Local and Docker runs differ only in the EngineHost under it.
 */
export const layer = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const timeline = yield* Timeline
    const models = yield* Models
    const datasets = yield* Datasets
    const meter = yield* Meter
    const gate = yield* DeviceGate
    const pool = yield* EnginePool
    const client = yield* LoadClient
    const files = yield* CellFiles
    const host = yield* HostFacts
    const baselines = yield* BaselineCache.make

    const execute = Effect.fnUntraced(function* (
      cell: Cell,
      context: CellContext,
      container: Ref.Ref<ContainerRef | null>,
    ) {
      const { experiment, timeouts } = cell
      const phases = yield* Phases.make(context.onPhase)
      const engine = yield* engineOf(cell)
      const model = yield* models.resolve(experiment)
      const launch = yield* Effect.fromResult(engine.launch(experiment, model)).pipe(
        Effect.mapError((problems) => unsupportedError(cell, problems)),
      )
      const workload = yield* datasets.prompts(experiment, model)
      const batchSize = engine.batchSize(experiment)
      const schedule = yield* Effect.fromResult(Schedules.of(experiment, batchSize, workload.requests.length)).pipe(
        Effect.mapError((problem) => unsupportedError(cell, [problem])),
      )
      const launching = { directory: context.directory, study: context.study, cell }
      const gateWarnings = yield* Effect.gen(function* () {
        const { gpuUuids, gate: how } = cell.placement
        if (gpuUuids.length === 0) return []
        // What a kept engine holds is this study's own, and cannot be told from what others hold.
        if (yield* pool.settle(launch, launching, context.reuseEngine)) return []
        return yield* gate.check(gpuUuids, how, strictGateSeconds)
      })
      const session = yield* meter.open({
        sampleHz: experiment.energy.sample_hz,
        gpuUuids: cell.placement.gpuUuids,
        backend: experiment.energy.backend,
      })

      const baseline = yield* Effect.gen(function* () {
        if (!experiment.baseline.enabled) return { figures: [], why: "baseline.enabled is false" }
        if (experiment.energy.backend === null) return { figures: [], why: "metering is off" }
        if (session.domains.some((domain) => domain.quality === "measured")) yield* phases.enter("baseline")
        return yield* baselines.baseline(session, experiment.baseline.duration_seconds)
      })

      yield* phases.enter("launch")
      const lease = yield* pool.lease(launch, launching, context.reuseEngine)
      yield* Ref.set(container, containerRef(lease.handle))
      yield* session.watchProcesses(lease.handle.processIds)
      // A cell must not find in a kept engine what the cell before has left there.
      if (lease.reused) {
        yield* Effect.mapError(files.writeLogReference(context.directory, lease.startedIn), storageError)
        yield* forget(lease.handle, launch)
      }
      yield* phases.enter("load")
      yield* Readiness.awaitReady(lease.handle, launch, timeouts.launchSeconds)
      const details = yield* engineDetails(lease.handle, launch)

      const tokens = { count: 0 }
      const send: Warmup.Send = (requests, how) =>
        client.run({
          endpoint: lease.handle.endpoint,
          schedule: how,
          requests,
          encode: (request) => engine.encode(experiment, launch, request),
          silenceSeconds: timeouts.silenceSeconds,
          onProgress: (_done, count) => {
            tokens.count = count
          },
        })
      const driven = <A, E, R>(effect: Effect.Effect<A, E, R>, phase: string, seconds: number) =>
        Readiness.whileAlive(lease.handle, limited(effect, seconds, phase, cell))

      const warmup = yield* Effect.gen(function* () {
        if (!experiment.warmup.enabled) return null
        yield* phases.enter("warmup")
        const warming = Warmup.run(experiment.warmup, workload.requests, schedule, send)
        const outcome = yield* driven(warming, "warm-up", timeouts.warmupSeconds)
        yield* seeDeath(lease.handle, [outcome.failure])
        if (outcome.failure !== null) return yield* requestError(launch, outcome.failure, lease.handle)
        if (experiment.warmup.thermal_floor_seconds > 0) {
          yield* phases.enter("thermal_floor")
          yield* Readiness.whileAlive(lease.handle, Effect.sleep(`${experiment.warmup.thermal_floor_seconds} seconds`))
        }
        return outcome
      })

      yield* phases.enter("window")
      tokens.count = 0
      const loading = Effect.raceFirst(
        send(workload.requests, schedule),
        reportLive(context, tokens, session.currentWatts),
      )
      const load = yield* driven(loading, "window", timeouts.windowSeconds)
      yield* seeDeath(
        lease.handle,
        load.requests.map(({ error }) => error),
      )
      yield* phases.enter("drain")
      const reading = yield* session.read
      yield* phases.enter("stop")
      yield* silenceOrNone(load.requests, launch, lease.handle)
      yield* lease.release(true)

      const snapshot = yield* host.snapshot
      const observation: Observation = {
        cell,
        anchor: timeline.anchor,
        launch,
        model,
        engine: {
          container: lease.handle.container,
          reused: lease.reused,
          ...details,
        },
        phases: yield* phases.spans,
        workload: workload.requests,
        exactLengths: engine.exactLengths(experiment),
        requests: load.requests,
        capacity: schedule.kind === "open" ? null : Schedules.concurrency(schedule),
        client: load.health,
        warmup,
        metering: {
          off: experiment.energy.backend === null,
          domains: session.domains,
          series: reading.series,
          cost: experiment.energy.backend === null ? null : reading.cost,
          baseline: baseline.figures,
          baselineWhy: baseline.why,
        },
        warnings: [...gateWarnings, ...workload.warnings],
        host: snapshot,
      }
      yield* Effect.all(
        [
          files.writeRequests(context.directory, load.requests),
          files.writePower(context.directory, reading.series),
          files.writeJson(context.directory, "environment.json", Record.environment(observation)),
        ],
        { discard: true },
      ).pipe(Effect.mapError(storageError))
      return Record.document(observation)
    })

    return Executor.of({
      execute: (cell, context) =>
        Effect.gen(function* () {
          const container = yield* Ref.make<ContainerRef | null>(null)
          return yield* Effect.scoped(execute(cell, context, container)).pipe(
            Effect.catch((error) =>
              Effect.flatMap(Ref.get(container), (seen) => Effect.fail(inContainer(cell.runner.mode, error, seen))),
            ),
          )
        }).pipe(Effect.provideService(Timeline, timeline)),
    })
  }),
)
