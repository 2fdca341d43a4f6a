import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { EngineError } from "../../src/domain/Failure.ts"
import type { LiveFigures } from "../../src/domain/LiveFigures.ts"
import type { Cell, Plan } from "../../src/domain/Plan.ts"
import { ResultDocument } from "../../src/domain/ResultDocument.ts"
import { StudyEvent } from "../../src/domain/StudyEvent.ts"
import { Executor } from "../../src/executors/Executor.ts"
import * as MockExecutor from "../../src/executors/mock.ts"
import { Progress } from "../../src/progress/Progress.ts"
import * as Dispatch from "../../src/runner/Dispatch.ts"
import * as FailedResult from "../../src/runner/FailedResult.ts"
import type { StudyFolder } from "../../src/store/Store.ts"
import { effect } from "../lib/effect.ts"
import { clockTimeline, memoryFolder, memoryProgress, someHost } from "../lib/memory.ts"
import { plan, result } from "../store/samples.ts"

type Execute = (typeof Executor.Service)["execute"]

const options = (folder: StudyFolder): Dispatch.DispatchOptions => ({
  studyFolder: folder,
  failFast: false,
  reuseEngine: false,
  gaps: true,
})

const machine = Layer.mergeAll(memoryProgress([]), someHost, clockTimeline)

/** Runs a plan with an executor of the test's own. */
const dispatch = (of: Plan, folder: StudyFolder, execute: Execute) =>
  Dispatch.dispatch(of, options(folder)).pipe(
    Effect.provide(Layer.merge(Layer.succeed(Executor, Executor.of({ execute })), machine)),
  )

const completes: Execute = (cell) => Effect.succeed(result(cell))

const names = (events: ReadonlyArray<StudyEvent>): ReadonlyArray<string> =>
  events.map((event) => ("index" in event ? `${event.event} ${event.index}` : event.event))

const crash = new EngineError({
  reason: "crash",
  message: "It crashed",
  fix: "See its log.",
  details: { exit_code: 1 },
})

const failedDocument = (scripted: boolean, cell: Cell | undefined = plan(1).cells[0]) => {
  if (cell === undefined) throw new Error("the plan has no cell")
  const host = { hostName: "node1", startedBy: "ada", binarySha256: null, machine: {} }
  return FailedResult.document({ cell, error: crash, host, scripted })
}

describe("the result of a failed cell", () => {
  test("has the shape of a result, its error whole, and a reason for everything that it lacks", () => {
    const document = failedDocument(false)
    expect(Schema.is(ResultDocument)(document)).toBe(true)
    expect(document.error).toEqual({
      type: "EngineError.crash",
      message: "It crashed",
      fix: "See its log.",
      details: { exit_code: 1 },
    })
    const missing = [
      ...Object.entries(document).flatMap(([key, value]) => (value === null ? [key] : [])),
      "runner.container_id",
      "runner.image_digest",
      "runner.network",
    ]
    expect(missing).toContain("energy")
    expect(Object.keys(document.unavailable).sort()).toEqual(missing.sort())
    expect(document.unavailable["energy"]).toContain("EngineError.crash")
    expect(document.verdict.valid).toBe(false)
  })

  test("names the container that it failed in", () => {
    const container = { id: "c1", image_digest: "sha256:d", network: "private" } as const
    const [cell] = plan(1).cells
    if (cell === undefined) throw new Error("the plan has no cell")
    const host = { hostName: "node1", startedBy: "ada", binarySha256: null, machine: {} }
    const error = new EngineError({ reason: "crash", message: "m", fix: "f", details: { container } })
    const document = FailedResult.document({ cell, error, host, scripted: false })
    expect(document.runner).toMatchObject({ container_id: "c1", image_digest: "sha256:d", network: "private" })
    expect(document.unavailable).not.toHaveProperty("runner.container_id")
  })

  test("names the runner that failed, or the script that made it fail", () => {
    expect(failedDocument(false).runner.mode).toBe("local")
    expect(failedDocument(true).runner.mode).toBe("mock")
  })

  effect("carries the mark of the script when a script made it", () =>
    Effect.gen(function* () {
      const { folder, results } = memoryFolder()
      const script = { default: { outcome: { error: "EngineError", reason: "crash" } } } as const
      yield* Dispatch.dispatch(plan(1), options(folder)).pipe(
        Effect.provide(MockExecutor.layer(script, "node1").pipe(Layer.provideMerge(machine))),
      )
      expect([...results.values()].map((document) => [document.status, document.runner.mode])).toEqual([
        ["failed", "mock"],
      ])
    }),
  )
})

describe("what one cell cannot do to the others", () => {
  effect("a defect while its result is stored is its own failure", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const writeResult: StudyFolder["writeResult"] = (cell, document) =>
        cell.index === 1 ? Effect.die(new TypeError("cannot serialise")) : folder.writeResult(cell, document)
      const outcome = yield* dispatch(plan(2), { ...folder, writeResult }, completes)
      expect(outcome).toMatchObject({ completed: 1, failed: 1, exitCode: 1 })
      expect(journal.find((event) => event.event === "cell_failed")).toMatchObject({
        index: 1,
        error_type: "DefectError.defect",
        error_message: "A defect in llem ended this cell: TypeError: cannot serialise",
        result_file: null,
      })
    }),
  )

  effect("an executor that throws before it gives an effect is its cell's defect", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const outcome = yield* dispatch(plan(2), folder, (cell) => {
        if (cell.index === 1) throw new RangeError("too far")
        return Effect.succeed(result(cell))
      })
      expect(outcome).toMatchObject({ completed: 1, failed: 1 })
      expect(journal.find((event) => event.event === "cell_failed")).toMatchObject({
        error_type: "DefectError.defect",
      })
    }),
  )

  effect("a cell at its limit has cleaned up before the next one starts", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const order: Array<string> = []
      const of = plan(2)
      const fiber = yield* dispatch(of, folder, (cell) =>
        Effect.suspend(() => {
          order.push(`start ${cell.index}`)
          if (cell.index === 2) return Effect.succeed(result(cell))
          const cleanUp = Effect.andThen(
            Effect.sleep("5 seconds"),
            Effect.sync(() => void order.push("stopped 1")),
          )
          return Effect.onInterrupt(Effect.never, () => cleanUp)
        }),
      ).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("3600 seconds")
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ completed: 1, failed: 1 })
      expect(order).toEqual(["start 1", "stopped 1", "start 2"])
      expect(names(journal)).toEqual([
        "study_started",
        "cell_started 1",
        "cell_failed 1",
        "cell_started 2",
        "cell_completed 2",
        "study_finished",
      ])
    }),
  )
})

describe("interruption", () => {
  effect("waits for the running cell's clean-up, and says so last", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const seen: Array<ReadonlyArray<string>> = []
      const started = yield* Deferred.make<void>()
      const fiber = yield* dispatch(plan(2), folder, () =>
        Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Effect.sync(() => void seen.push(names(journal)))),
        ),
      ).pipe(Effect.forkChild({ startImmediately: true }))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      expect(seen).toEqual([["study_started", "cell_started 1"]])
      expect(names(journal)).toEqual(["study_started", "cell_started 1", "cell_interrupted 1", "study_finished"])
    }),
  )

  effect("while a result is being stored, the result stands and nothing else starts", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const storing = yield* Deferred.make<void>()
      const writeResult: StudyFolder["writeResult"] = (cell, document) =>
        Deferred.succeed(storing, undefined).pipe(
          Effect.andThen(Effect.sleep("1 second")),
          Effect.andThen(folder.writeResult(cell, document)),
        )
      const fiber = yield* dispatch(plan(2), { ...folder, writeResult }, completes).pipe(
        Effect.forkChild({ startImmediately: true }),
      )
      yield* Deferred.await(storing)
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interrupting)
      expect(Exit.hasInterrupts(yield* Fiber.await(fiber))).toBe(true)
      expect(names(journal)).toEqual(["study_started", "cell_started 1", "cell_completed 1", "study_finished"])
      expect(journal.at(-1)).toMatchObject({ status: "interrupted", completed: 1, interrupted: 0 })
    }),
  )

  effect("among cells that are skipped ends the study there", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const skip = { code: "backend_unavailable", message: "vllm is not installed here" }
      const of = plan(3, 1, { cells: plan(3).cells.map((cell) => ({ ...cell, skip })) })
      const slow: StudyFolder = {
        ...folder,
        append: (event) => Effect.andThen(Effect.sleep("1 second"), folder.append(event)),
      }
      const fiber = yield* dispatch(of, slow, completes).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("1 second")
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      for (let second = 0; second < 5; second++) yield* TestClock.adjust("1 second")
      yield* Fiber.join(interrupting)
      expect(names(journal)).toEqual(["study_started", "cell_skipped 1", "study_finished"])
      expect(journal.at(-1)).toMatchObject({ status: "interrupted", skipped: 1 })
    }),
  )
})

describe("what a cell is told and tells", () => {
  effect("its folder, its attempt and whether its engine may be kept; its figures go to the live view only", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      const live: Array<LiveFigures> = []
      const told: Array<unknown> = []
      const progress = Progress.of({
        emit: () => Effect.void,
        live: (figures) => Effect.sync(() => void live.push(figures)),
      })
      const executor = Executor.of({
        execute: (cell, { directory, attempt, reuseEngine, onLive }) => {
          told.push({ directory, attempt, reuseEngine })
          return Effect.as(onLive({ tokensPerSecond: 12, watts: null }), result(cell))
        },
      })
      yield* Dispatch.dispatch(plan(1), { ...options(folder), reuseEngine: true }).pipe(
        Effect.provide(
          Layer.mergeAll(Layer.succeed(Executor, executor), Layer.succeed(Progress, progress), someHost, clockTimeline),
        ),
      )
      expect(told).toEqual([{ directory: "/results/study/cells/0001_c1", attempt: 1, reuseEngine: true }])
      expect(live).toEqual([{ tokensPerSecond: 12, watts: null }])
      expect(names(journal)).toEqual(["study_started", "cell_started 1", "cell_completed 1", "study_finished"])
    }),
  )

  effect("a study without a cell has run nothing, and says so by its exit code", () =>
    Effect.gen(function* () {
      const { folder, journal } = memoryFolder()
      expect(yield* dispatch(plan(0), folder, completes)).toMatchObject({ status: "failed", cells: 0, exitCode: 1 })
      expect(names(journal)).toEqual(["study_started", "study_finished"])
      expect(journal.every((event) => Schema.is(StudyEvent)(event))).toBe(true)
    }),
  )
})
