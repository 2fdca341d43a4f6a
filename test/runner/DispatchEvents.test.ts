import { describe, expect } from "bun:test"
import { Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { EngineError } from "../../src/domain/Failure.ts"
import { HostFacts } from "../../src/domain/HostFacts.ts"
import type { Plan } from "../../src/domain/Plan.ts"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"
import { version } from "../../src/domain/Version.ts"
import { type CellContext, Executor } from "../../src/executors/Executor.ts"
import * as Dispatch from "../../src/runner/Dispatch.ts"
import { effect } from "../lib/effect.ts"
import { clockTimeline, memoryFolder, memoryProgress, someHost } from "../lib/memory.ts"
import { plan, result } from "../store/samples.ts"

type Execute = (typeof Executor.Service)["execute"]

const crash = new EngineError({ reason: "crash", message: "It crashed", fix: "See its log.", details: {} })
const completes: Execute = (cell) => Effect.succeed(result(cell))
const skip = { code: "backend_unavailable", message: "vllm is not installed here" }

/** Runs a plan; gives its outcome and everything that it left. */
const dispatch = (
  of: Plan,
  execute: Execute,
  over: Partial<Dispatch.DispatchOptions> = {},
  host: Layer.Layer<HostFacts> = someHost,
) => {
  const store = memoryFolder()
  const options = { studyFolder: store.folder, failFast: false, reuseEngine: false, gaps: true, ...over }
  const executor = Layer.succeed(Executor, Executor.of({ execute }))
  return Dispatch.dispatch(of, options).pipe(
    Effect.provide(Layer.mergeAll(executor, memoryProgress([]), host, clockTimeline)),
    Effect.map((outcome) => ({ outcome, ...store })),
  )
}

const names = (events: ReadonlyArray<StudyEvent>): ReadonlyArray<string> =>
  events.map((event) => ("index" in event ? `${event.event} ${event.index}` : event.event))

describe("the events of a study", () => {
  effect("name the study and this llem, each cell's backend and runner, and why one is skipped", () =>
    Effect.gen(function* () {
      const [first, second] = plan(2).cells
      if (first === undefined || second === undefined) throw new Error("the plan has no cells")
      const cells = [
        {
          ...first,
          experiment: { ...first.experiment, backend: "vllm" as const },
          runner: { mode: "docker", image: "a:1", source: "yaml" } as const,
        },
        { ...second, skip },
      ]
      const { journal } = yield* dispatch(plan(2, 1, { cells }), completes)
      expect(journal[0]).toMatchObject({
        event: "study_started",
        study_name: "batch sizes",
        study_hash: "ab".repeat(32),
        cells: 2,
        directory: "/results/study",
        llem_version: version,
      })
      expect(journal[1]).toMatchObject({ event: "cell_started", index: 1, backend: "vllm", runner: "docker" })
      expect(journal[3]).toMatchObject({ event: "cell_skipped", index: 2, ...skip })
    }),
  )

  effect("a failed cell of a real engine has the runner that it failed in", () =>
    Effect.gen(function* () {
      const { results } = yield* dispatch(plan(1), () => Effect.fail(crash))
      expect([...results.values()].map(({ runner }) => runner.mode)).toEqual(["local"])
    }),
  )

  effect("the machine is looked at once, and only when a cell has failed", () =>
    Effect.gen(function* () {
      let looked = 0
      const snapshot = Effect.sync(() => {
        looked += 1
        return { hostName: "node1", startedBy: "ada", binarySha256: null, machine: {} }
      })
      const host = Layer.succeed(HostFacts, HostFacts.of({ snapshot }))
      yield* dispatch(plan(2), completes, {}, host)
      expect(looked).toBe(0)
      yield* dispatch(plan(3), () => Effect.fail(crash), {}, host)
      expect(looked).toBe(1)
    }),
  )
})

describe("what a cell is told", () => {
  effect("the study's name, and to end its engine unless it may be kept", () =>
    Effect.gen(function* () {
      const told: Array<Pick<CellContext, "study" | "reuseEngine">> = []
      yield* dispatch(plan(1), (cell, { study, reuseEngine }) => {
        told.push({ study, reuseEngine })
        return Effect.succeed(result(cell))
      })
      expect(told).toEqual([{ study: "batch sizes", reuseEngine: false }])
    }),
  )
})

describe("fail-fast", () => {
  effect("goes on after a cell that is skipped; what is neither run nor skipped stays pending", () =>
    Effect.gen(function* () {
      const cells = plan(4).cells.map((cell) => (cell.index === 1 ? { ...cell, skip } : cell))
      const { outcome, journal } = yield* dispatch(
        plan(4, 1, { cells }),
        (cell) => (cell.index === 3 ? Effect.fail(crash) : Effect.succeed(result(cell))),
        { failFast: true },
      )
      expect(outcome).toMatchObject({ status: "failed", cells: 4, completed: 1, failed: 1, skipped: 1, pending: 1 })
      expect(names(journal)).toEqual([
        "study_started",
        "cell_skipped 1",
        "cell_started 2",
        "cell_completed 2",
        "cell_started 3",
        "cell_failed 3",
        "study_finished",
      ])
    }),
  )
})

effect("a pause of a second, or of a part of one, is waited out", () =>
  Effect.gen(function* () {
    for (const seconds of [1, 0.5]) {
      const running = yield* Effect.forkChild(dispatch(plan(2, 1, { experimentGapSeconds: seconds }), completes))
      yield* TestClock.adjust(`${seconds * 1000 - 1} millis`)
      expect(running.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 millis")
      expect(Exit.isSuccess(yield* Fiber.await(running))).toBe(true)
    }
  }),
)
