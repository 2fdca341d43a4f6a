import { Cause, Deferred, Duration, Effect, Exit, Option, Result } from "effect"
import { summarise, variedPaths } from "../domain/ConfigSummary.ts"
import { type ExecutionError, errorType } from "../domain/Failure.ts"
import { HostFacts } from "../domain/HostFacts.ts"
import type { Cell, Plan } from "../domain/Plan.ts"
import type { ResultDocument } from "../domain/ResultDocument.ts"
import type { StudyEvent } from "../domain/StudyEvent.ts"
import { Timeline } from "../domain/Timeline.ts"
import { version } from "../domain/Version.ts"
import { toRfc3339 } from "../domain/Window.ts"
import { type CellContext, Executor } from "../executors/Executor.ts"
import { Progress } from "../progress/Progress.ts"
import type { StoreError, StudyFolder } from "../store/Store.ts"
import * as CellRecord from "./CellRecord.ts"
import * as ExitCode from "./Exit.ts"
import * as FailedResult from "./FailedResult.ts"

export interface DispatchOptions {
  readonly studyFolder: StudyFolder
  /** Nothing more is started after the first failed cell. */
  readonly failFast: boolean
  /** Whether an engine may be kept for the next cell when its launch is identical. */
  readonly reuseEngine: boolean
  /** Whether to pause between experiments and cycles as the plan says. */
  readonly gaps: boolean
}

/** How a study ended; `pending` cells were never started. */
export interface StudyOutcome {
  readonly status: "completed" | "failed"
  readonly directory: string
  readonly cells: number
  readonly completed: number
  readonly failed: number
  readonly skipped: number
  readonly pending: number
  readonly exitCode: number
}

type Omitted<E> = E extends StudyEvent ? Omit<E, "at"> : never
/** An event before it has its time. */
type Happening = Omitted<StudyEvent>

type CellEnd = "completed" | "failed" | "skipped"

const reference = (cell: Cell) => ({ index: cell.index, cycle: cell.cycle, hash: cell.hash })

/** The line that tells each experiment from the others, computed once per experiment. */
const summaries = (plan: Plan): ((cell: Cell) => string) => {
  const experiments = new Map(plan.cells.map((cell) => [cell.index, cell.experiment]))
  const varied = variedPaths([...experiments.values()])
  const known = new Map([...experiments].map(([index, experiment]) => [index, summarise(experiment, varied)]))
  return (cell) => known.get(cell.index) ?? ""
}

/** Seconds to pause before a cell, after the cell that ran before it; cells that are skipped take no part. */
const pauseSeconds = (plan: Plan, before: Cell | null, next: Cell): number => {
  if (before === null) return 0
  return before.cycle === next.cycle ? plan.experimentGapSeconds : plan.cycleGapSeconds
}

/**
 * Runs a finished plan cell by cell. Every event is durable in the journal before anybody hears of it. A cell that
 * fails, or dies of a defect, or whose result cannot be stored, is recorded as failed and the study goes on; a lost
 * journal ends it. On interruption the running cell and the study are recorded as interrupted, and then the
 * interruption goes on.
 */
export const dispatch = Effect.fn("Dispatch.dispatch")(function* (
  plan: Plan,
  options: DispatchOptions,
): Effect.fn.Return<StudyOutcome, StoreError, Executor | Progress | Timeline | HostFacts> {
  const executor = yield* Executor
  const progress = yield* Progress
  const timeline = yield* Timeline
  const host = yield* Effect.cached((yield* HostFacts).snapshot)
  const { studyFolder: folder } = options
  const summaryOf = summaries(plan)
  const ended = { completed: 0, failed: 0, skipped: 0 }

  const record = (happening: Happening): Effect.Effect<void, StoreError> =>
    Effect.gen(function* () {
      const event: StudyEvent = { ...happening, at: toRfc3339(timeline.anchor, yield* timeline.now) }
      yield* folder.append(event)
      yield* progress.emit(event)
    })

  const finish = (status: "completed" | "failed" | "interrupted", interrupted: number) =>
    record({ event: "study_finished", status, ...ended, interrupted })

  /** Stores a result; that it cannot be, for whatever reason, is the cell's failure. */
  const store = (cell: Cell, document: ResultDocument): Effect.Effect<Result.Result<string, ExecutionError>> =>
    Effect.map(Effect.exit(folder.writeResult(cell, document)), (exit) => {
      if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
      const error = Cause.findErrorOption(exit.cause)
      return Result.fail(
        Option.isSome(error) ? CellRecord.storageFailure(error.value) : CellRecord.defectFailure(exit.cause),
      )
    })

  const fail = (cell: Cell, error: ExecutionError): Effect.Effect<CellEnd, StoreError> =>
    Effect.gen(function* () {
      const scripted = executor.scripted === true
      const written = yield* store(cell, FailedResult.document({ cell, error, host: yield* host, scripted }))
      yield* record({
        event: "cell_failed",
        ...reference(cell),
        result_file: Result.isSuccess(written) ? written.success : null,
        error_type: errorType(error),
        error_message: error.message,
        error_fix: error.fix,
      })
      return "failed" as const
    })

  const complete = (cell: Cell, result: ResultDocument): Effect.Effect<CellEnd, StoreError> =>
    Effect.gen(function* () {
      const written = yield* store(cell, result)
      if (Result.isFailure(written)) return yield* fail(cell, written.failure)
      yield* record({
        event: "cell_completed",
        ...reference(cell),
        result_file: written.success,
        figures: CellRecord.figuresOf(result),
      })
      return "completed" as const
    })

  /** The executor over one cell, within its limit. A phase that cannot be recorded stops it: the journal is lost. */
  const execute = (cell: Cell): Effect.Effect<ResultDocument, ExecutionError | StoreError> =>
    Effect.gen(function* () {
      const directory = yield* Effect.mapError(folder.cellDirectory(cell), CellRecord.storageFailure)
      const lost = yield* Deferred.make<never, StoreError>()
      const context: CellContext = {
        directory,
        study: plan.study.name,
        attempt: 1,
        reuseEngine: options.reuseEngine,
        onPhase: (phase) =>
          Effect.catch(record({ event: "cell_phase", ...reference(cell), phase }), (error) =>
            Effect.andThen(Deferred.fail(lost, error), Effect.never),
          ),
        onLive: (figures) => progress.live(figures),
      }
      const limited = Effect.timeoutOrElse(executor.execute(cell, context), {
        duration: Duration.seconds(cell.timeoutSeconds),
        orElse: () => Effect.fail(CellRecord.timedOut(cell)),
      })
      return yield* Effect.raceFirst(limited, Deferred.await(lost))
    })

  const skip = (cell: Cell, why: NonNullable<Cell["skip"]>): Effect.Effect<CellEnd, StoreError> =>
    Effect.as(record({ event: "cell_skipped", ...reference(cell), ...why }), "skipped" as const)

  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      /** Passes unless this study has been interrupted meanwhile. */
      const goOn = restore(Effect.void)

      const run = (cell: Cell): Effect.Effect<CellEnd, StoreError> =>
        Effect.gen(function* () {
          yield* record({
            event: "cell_started",
            ...reference(cell),
            backend: cell.experiment.backend,
            runner: cell.runner.mode,
            summary: summaryOf(cell),
          })
          const exit = yield* Effect.exit(restore(execute(cell)))
          if (Exit.isSuccess(exit)) return yield* complete(cell, exit.value)
          // An interruption from inside the executor is a defect of its own; ours ends the study.
          yield* Effect.onInterrupt(goOn, () =>
            Effect.ignore(
              record({ event: "cell_interrupted", ...reference(cell) }).pipe(Effect.andThen(finish("interrupted", 1))),
            ),
          )
          const error = Cause.findErrorOption(exit.cause)
          if (Option.isNone(error)) return yield* fail(cell, CellRecord.defectFailure(exit.cause))
          if (error.value._tag === "StoreError") return yield* error.value
          return yield* fail(cell, error.value)
        })

      /** Waits out a pause; false when the study was interrupted in it. */
      const between = (seconds: number) =>
        Effect.onInterrupt(seconds > 0 ? restore(Effect.sleep(Duration.seconds(seconds))) : goOn, () =>
          Effect.ignore(finish("interrupted", 0)),
        )

      yield* record({
        event: "study_started",
        study_name: plan.study.name,
        study_hash: plan.study.hash,
        cells: plan.cells.length,
        directory: folder.directory,
        llem_version: version,
      })
      for (const notice of plan.notices) yield* record({ event: "notice", ...notice })

      let before: Cell | null = null
      for (const cell of plan.cells) {
        if (options.failFast && ended.failed > 0) break
        if (cell.skip !== null) {
          yield* between(0)
          yield* skip(cell, cell.skip)
          ended.skipped += 1
          continue
        }
        yield* between(options.gaps ? pauseSeconds(plan, before, cell) : 0)
        ended[yield* run(cell)] += 1
        before = cell
      }

      const outcome = { cells: plan.cells.length, ...ended }
      const exitCode = ExitCode.ofStudy(outcome)
      const status = exitCode === 0 ? "completed" : "failed"
      yield* finish(status, 0)
      const pending = outcome.cells - ended.completed - ended.failed - ended.skipped
      return { ...outcome, status, directory: folder.directory, pending, exitCode } as const
    }),
  )
})
