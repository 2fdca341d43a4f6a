import { describe, expect, test } from "bun:test"
import { Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Experiment } from "../../src/domain/Experiment.ts"
import { ResultDocument } from "../../src/domain/ResultDocument.ts"
import { StudyEvent } from "../../src/domain/StudyEvent.ts"
import { Executor } from "../../src/executors/Executor.ts"
import type { MockScript } from "../../src/executors/MockScript.ts"
import * as MockExecutor from "../../src/executors/mock.ts"
import * as Dispatch from "../../src/runner/Dispatch.ts"
import * as Plan from "../../src/runner/Plan.ts"
import { effect } from "../lib/effect.ts"
import { clockTimeline, type Faults, memoryFolder, memoryProgress, someHost } from "../lib/memory.ts"
import { planInput, without } from "./samples.ts"

interface Setting {
  readonly experiments?: ReadonlyArray<Partial<Experiment>>
  readonly plan?: Parameters<typeof planInput>[1]
  readonly faults?: Faults
  readonly options?: Partial<Dispatch.DispatchOptions>
  /** Advances the test clock while the study runs. */
  readonly advance?: ReadonlyArray<number>
  /** Interrupts the study after the clock was advanced. */
  readonly interrupt?: boolean
}

const two: ReadonlyArray<Partial<Experiment>> = [{ embedded: { batch_size: 1 } }, { embedded: { batch_size: 2 } }]

/** Plans and runs a study over mock layers; gives how it ended and everything it left. */
const study = Effect.fnUntraced(function* (script: MockScript, setting: Setting = {}) {
  const plan = Plan.plan(planInput(setting.experiments ?? two, setting.plan))
  const store = memoryFolder(setting.faults)
  const progress: Array<StudyEvent> = []
  const layer = Layer.mergeAll(MockExecutor.layer(script, "node1"), memoryProgress(progress), someHost).pipe(
    Layer.provideMerge(clockTimeline),
  )
  const options = { studyFolder: store.folder, failFast: false, reuseEngine: false, gaps: true, ...setting.options }
  const fiber = yield* Effect.forkChild(Effect.provide(Dispatch.dispatch(plan, options), layer))
  for (const seconds of setting.advance ?? [0]) yield* TestClock.adjust(`${seconds} seconds`)
  if (setting.interrupt) yield* Fiber.interrupt(fiber)
  const exit = yield* Fiber.await(fiber)
  return { exit, plan, progress, ...store }
})

const outcomeOf = (exit: Exit.Exit<Dispatch.StudyOutcome, unknown>): Dispatch.StudyOutcome => {
  if (Exit.isFailure(exit)) throw new Error(`the study did not end: ${String(exit.cause)}`)
  return exit.value
}

const names = (events: ReadonlyArray<StudyEvent>): ReadonlyArray<string> =>
  events
    .filter((event) => event.event !== "cell_phase")
    .map((event) => ("index" in event ? `${event.event} ${event.index}/${event.cycle}` : event.event))

const secondsOf = (event: StudyEvent | undefined): number =>
  event === undefined ? Number.NaN : (Date.parse(event.at) - Date.parse("2026-01-01T00:00:00Z")) / 1000

const startsAt = (events: ReadonlyArray<StudyEvent>): ReadonlyArray<number> =>
  events.filter((event) => event.event === "cell_started").map(secondsOf)

describe("from a plan to records", () => {
  effect("runs every cell in order; the journal is told first, and both are told the same", () =>
    Effect.gen(function* () {
      const script = {
        default: { seconds: 2, result: { energy_joules: 12.5, output_tokens: 100, duration_seconds: 10 } },
      }
      const { exit, journal, progress, results } = yield* study(script, { plan: { cycles: 2 }, advance: [2, 2, 2, 2] })
      expect(outcomeOf(exit)).toEqual({
        status: "completed",
        directory: "/results/study",
        cells: 4,
        completed: 4,
        failed: 0,
        skipped: 0,
        pending: 0,
        exitCode: 0,
      })
      expect(names(journal)).toEqual([
        "study_started",
        "cell_started 1/1",
        "cell_completed 1/1",
        "cell_started 2/1",
        "cell_completed 2/1",
        "cell_started 1/2",
        "cell_completed 1/2",
        "cell_started 2/2",
        "cell_completed 2/2",
        "study_finished",
      ])
      expect(progress).toEqual(journal)
      expect(journal.filter((event) => event.event === "cell_completed")[0]).toEqual({
        event: "cell_completed",
        at: "2026-01-01T00:00:02.000000Z",
        index: 1,
        cycle: 1,
        hash: "00000001".repeat(8),
        result_file: "cells/0001_c1/result.json",
        figures: {
          valid: false,
          energy_joules: 12.5,
          energy_quality: "estimated",
          output_tokens_per_second: 10,
          duration_seconds: 10,
        },
      })
      expect(results.size).toBe(4)
      for (const result of results.values()) {
        expect(Schema.is(ResultDocument)(result)).toBe(true)
        expect(result.runner.mode).toBe("mock")
        expect(result.verdict.valid).toBe(false)
      }
      expect(journal.every((event) => Schema.is(StudyEvent)(event))).toBe(true)
    }),
  )

  effect("tells the experiments of a study apart by what differs", () =>
    Effect.gen(function* () {
      const { journal } = yield* study({})
      const summaries = journal.flatMap((event) => (event.event === "cell_started" ? [event.summary] : []))
      expect(summaries[0]).toContain("batch_size=1")
      expect(summaries[1]).toContain("batch_size=2")
    }),
  )

  effect("records a failed cell with its error and goes on", () =>
    Effect.gen(function* () {
      const outcome = { error: "DockerError", reason: "oom", message: "out of memory" } as const
      const { exit, journal, results } = yield* study({ rules: [{ match: { index: 1 }, outcome }] })
      expect(outcomeOf(exit)).toMatchObject({ status: "failed", completed: 1, failed: 1, exitCode: 1 })
      expect(names(journal).slice(1, 5)).toEqual([
        "cell_started 1/1",
        "cell_failed 1/1",
        "cell_started 2/1",
        "cell_completed 2/1",
      ])
      expect(journal.find((event) => event.event === "cell_failed")).toMatchObject({
        error_type: "DockerError.oom",
        error_message: "out of memory",
        result_file: "cells/0001_c1/result.json",
      })
      const failed = results.get("cells/0001_c1/result.json")
      expect(Schema.is(ResultDocument)(failed)).toBe(true)
      expect(failed).toMatchObject({
        status: "failed",
        error: { type: "DockerError.oom", message: "out of memory" },
        provenance: { host: "node1", started_by: "ada" },
      })
    }),
  )

  effect("a defect in one cell is that cell's failure, without a stack in its message", () =>
    Effect.gen(function* () {
      const { exit, journal } = yield* study({ rules: [{ match: { index: 1 }, outcome: "defect" }] })
      expect(outcomeOf(exit)).toMatchObject({ completed: 1, failed: 1, exitCode: 1 })
      expect(journal.find((event) => event.event === "cell_failed")).toMatchObject({
        error_type: "DefectError.defect",
        error_message: "A defect in llem ended this cell: Error: a scripted defect",
      })
    }),
  )

  effect("a cell that hangs is ended at its limit", () =>
    Effect.gen(function* () {
      const { exit, journal } = yield* study(
        { rules: [{ match: { index: 1 }, outcome: "hang" }] },
        {
          plan: { execution: { experimentGapSeconds: null, cycleGapSeconds: null, timeouts: { cell_seconds: 30 } } },
          advance: [29, 1],
        },
      )
      expect(outcomeOf(exit)).toMatchObject({ completed: 1, failed: 1 })
      const failed = journal.find((event) => event.event === "cell_failed")
      expect(failed).toMatchObject({ error_type: "EngineError.timeout" })
      expect(secondsOf(failed)).toBe(30)
    }),
  )

  effect("fail-fast starts nothing after the first failure; the rest stays pending", () =>
    Effect.gen(function* () {
      const outcome = { error: "EngineError", reason: "crash" } as const
      const { exit, journal } = yield* study(
        { rules: [{ match: { index: 1 }, outcome }] },
        { plan: { cycles: 2 }, options: { failFast: true } },
      )
      expect(outcomeOf(exit)).toMatchObject({ status: "failed", failed: 1, completed: 0, pending: 3, exitCode: 1 })
      expect(names(journal)).toEqual(["study_started", "cell_started 1/1", "cell_failed 1/1", "study_finished"])
    }),
  )

  effect("an interrupted study marks the running cell, is finished as interrupted, and stays interrupted", () =>
    Effect.gen(function* () {
      const { exit, journal } = yield* study({ default: { seconds: 60 } }, { advance: [70], interrupt: true })
      expect(Exit.hasInterrupts(exit)).toBe(true)
      expect(names(journal)).toEqual([
        "study_started",
        "cell_started 1/1",
        "cell_completed 1/1",
        "cell_started 2/1",
        "cell_interrupted 2/1",
        "study_finished",
      ])
      expect(journal.at(-1)).toMatchObject({
        status: "interrupted",
        completed: 1,
        failed: 0,
        skipped: 0,
        interrupted: 1,
      })
    }),
  )

  effect("interrupted between two cells, no cell is marked", () =>
    Effect.gen(function* () {
      const { exit, journal } = yield* study(
        { default: { seconds: 5 } },
        {
          plan: { execution: { experimentGapSeconds: 100, cycleGapSeconds: 0, timeouts: {} } },
          advance: [50],
          interrupt: true,
        },
      )
      expect(Exit.hasInterrupts(exit)).toBe(true)
      expect(names(journal)).toEqual(["study_started", "cell_started 1/1", "cell_completed 1/1", "study_finished"])
      expect(journal.at(-1)).toMatchObject({ status: "interrupted", interrupted: 0 })
    }),
  )

  effect("an executor that interrupts itself fails its cell, not the study", () =>
    Effect.gen(function* () {
      const plan = Plan.plan(planInput(two))
      const store = memoryFolder()
      const broken = Layer.succeed(Executor, Executor.of({ execute: () => Effect.interrupt }))
      const layer = Layer.mergeAll(broken, memoryProgress([]), someHost, clockTimeline)
      const options = { studyFolder: store.folder, failFast: false, reuseEngine: false, gaps: true }
      const outcome = yield* Effect.provide(Dispatch.dispatch(plan, options), layer)
      expect(outcome).toMatchObject({ failed: 2, exitCode: 1 })
      expect(names(store.journal)).not.toContain("cell_interrupted 1/1")
    }),
  )

  effect("a backend that cannot run here is said once, its cells are skipped, and the others run", () =>
    Effect.gen(function* () {
      const { exit, journal } = yield* study(
        {},
        {
          experiments: [{ backend: "vllm" }, {}],
          plan: { cycles: 2, facts: without("vllm") },
        },
      )
      expect(outcomeOf(exit)).toMatchObject({ status: "failed", completed: 2, skipped: 2, exitCode: 1 })
      expect(names(journal)).toEqual([
        "study_started",
        "notice",
        "cell_skipped 1/1",
        "cell_started 2/1",
        "cell_completed 2/1",
        "cell_skipped 1/2",
        "cell_started 2/2",
        "cell_completed 2/2",
        "study_finished",
      ])
      expect(journal.find((event) => event.event === "cell_skipped")).toMatchObject({ code: "backend_unavailable" })
    }),
  )

  effect("a result that cannot be stored fails its cell only", () =>
    Effect.gen(function* () {
      const { exit, journal, results } = yield* study({}, { faults: { result: (cell) => cell.index === 1 } })
      expect(outcomeOf(exit)).toMatchObject({ completed: 1, failed: 1 })
      expect(journal.find((event) => event.event === "cell_failed")).toMatchObject({
        error_type: "LocalError.storage",
        result_file: null,
      })
      expect([...results.keys()]).toEqual(["cells/0002_c1/result.json"])
    }),
  )

  effect("a result that is not of its own shape still leaves the failure on disk", () =>
    Effect.gen(function* () {
      const { journal, results } = yield* study(
        {},
        { faults: { result: (cell, result) => cell.index === 1 && result.status === "completed" } },
      )
      expect(journal.find((event) => event.event === "cell_failed")).toMatchObject({
        result_file: "cells/0001_c1/result.json",
      })
      expect(results.get("cells/0001_c1/result.json")?.error?.type).toBe("LocalError.storage")
    }),
  )

  effect("a cell without a folder fails alone", () =>
    Effect.gen(function* () {
      const { exit } = yield* study({}, { faults: { directory: (cell) => cell.index === 1 } })
      expect(outcomeOf(exit)).toMatchObject({ completed: 1, failed: 1 })
    }),
  )

  for (const lost of ["study_started", "cell_started", "cell_phase", "cell_completed", "study_finished"] as const) {
    effect(`a journal that is lost at ${lost} ends the study, and nobody hears what is not in it`, () =>
      Effect.gen(function* () {
        const { exit, journal, progress } = yield* study(
          { default: { outcome: "completed" } },
          { faults: { journal: (event) => event.event === lost } },
        )
        expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "StoreError", what: "journal" } })
        expect(progress).toEqual(journal)
        expect(names(journal)).not.toContain(lost)
        if (lost !== "study_finished") expect(names(journal)).not.toContain("cell_started 2/1")
      }),
    )
  }
})

describe("pauses", () => {
  const gapsOf = (experiment: number, cycle: number) => ({
    execution: { experimentGapSeconds: experiment, cycleGapSeconds: cycle, timeouts: {} },
  })

  effect("between experiments and between cycles, and none after the last", () =>
    Effect.gen(function* () {
      const { exit, journal } = yield* study(
        { default: { seconds: 1 } },
        { plan: { cycles: 2, ...gapsOf(10, 100) }, advance: Array.from({ length: 40 }, () => 5) },
      )
      expect(outcomeOf(exit).completed).toBe(4)
      expect(startsAt(journal)).toEqual([0, 11, 112, 123])
      expect(secondsOf(journal.at(-1))).toBe(124)
    }),
  )

  effect("a skipped cell adds none", () =>
    Effect.gen(function* () {
      const { journal } = yield* study(
        { default: { seconds: 1 } },
        {
          experiments: [{ backend: "vllm" }, {}, { backend: "vllm" }, { embedded: { batch_size: 4 } }],
          plan: { facts: without("vllm"), ...gapsOf(10, 100) },
          advance: Array.from({ length: 10 }, () => 5),
        },
      )
      expect(startsAt(journal)).toEqual([0, 11])
      expect(secondsOf(journal.at(-1))).toBe(12)
    }),
  )

  effect("none at all when they are left out", () =>
    Effect.gen(function* () {
      const { journal } = yield* study(
        { default: { seconds: 1 } },
        { plan: { cycles: 2, ...gapsOf(10, 100) }, options: { gaps: false }, advance: [1, 1, 1, 1] },
      )
      expect(startsAt(journal)).toEqual([0, 1, 2, 3])
    }),
  )
})

test("20 runs of one study leave the same journal and the same results", async () => {
  const script: MockScript = {
    rules: [
      { match: { index: 2, cycle: 1 }, outcome: "defect", seconds: 3 },
      { match: { index: 3 }, outcome: { error: "EngineError", reason: "crash", message: "gone" }, seconds: 1 },
      { match: { backend: "embedded" }, seconds: 0.25, result: { output_tokens: 7, duration_seconds: 2 } },
    ],
  }
  const once = study(script, {
    experiments: [...two, { embedded: { batch_size: 4 } }],
    plan: { cycles: 3 },
    advance: Array.from({ length: 12 }, () => 5),
  }).pipe(
    Effect.map(({ journal, results }) => JSON.stringify([journal, [...results]])),
    Effect.scoped,
  )
  const runs = await Promise.all(
    Array.from({ length: 20 }, () => Effect.runPromise(Effect.provide(once, TestClock.layer()))),
  )
  // A defect's record tells where it was thrown, which is the same place in every run.
  expect(new Set(runs).size).toBe(1)
  expect(runs[0]).toContain("study_finished")
})
