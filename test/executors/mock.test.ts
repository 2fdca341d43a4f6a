import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Fiber, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Phase } from "../../src/domain/Phase.ts"
import { ResultDocument } from "../../src/domain/ResultDocument.ts"
import { unexplainedNulls } from "../../src/domain/UnexplainedNulls.ts"
import { Executor } from "../../src/executors/Executor.ts"
import * as MockScript from "../../src/executors/MockScript.ts"
import * as MockExecutor from "../../src/executors/mock.ts"
import { effect } from "../lib/effect.ts"
import { clockTimeline } from "../lib/memory.ts"
import { cell } from "../store/samples.ts"

const parsed = (script: unknown): Result.Result<MockScript.MockScript, MockScript.MockScriptError> =>
  MockScript.parse("mock.json", JSON.stringify(script))

/** Starts the first cell under a script; what it reported and how it ended. */
const start = Effect.fnUntraced(function* (script: MockScript.MockScript, attempt = 1) {
  const phases: Array<Phase> = []
  const layer = MockExecutor.layer(script, "node1").pipe(Layer.provide(clockTimeline))
  const fiber = yield* Executor.use((executor) =>
    executor.execute(cell(1), {
      directory: "/results/study/cells/0001_c1",
      study: "study",
      attempt,
      reuseEngine: false,
      onPhase: (phase) => Effect.sync(() => void phases.push(phase)),
      onLive: () => Effect.void,
    }),
  ).pipe(Effect.provide(layer), Effect.forkChild({ startImmediately: true }))
  return { fiber, phases }
})

const resultOf = (exit: Exit.Exit<ResultDocument, unknown>): ResultDocument => {
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return exit.value
}

describe("the scripted executor's file", () => {
  test("takes the whole form of the contract", () => {
    const script = {
      rules: [
        {
          match: { backend: "vllm", index: 3, cycle: 1, attempt: 1 },
          seconds: 0.05,
          outcome: { error: "DockerError", reason: "oom", message: "..." },
          result: { energy_joules: 12.5, output_tokens: 100, duration_seconds: 10 },
        },
      ],
      default: { seconds: 0, outcome: "completed" },
      facts: {
        docker: { usable: true, reason: null },
        inside_container: false,
        engines: { vllm: true },
        gpus: [],
      },
    }
    expect(Result.isSuccess(parsed(script))).toBe(true)
    expect(Result.isSuccess(parsed({}))).toBe(true)
  })

  test.each([
    ["an unknown key", { rule: [] }, "rule"],
    ["an unknown key in a match", { rules: [{ match: { indx: 1 } }] }, "indx"],
    ["an outcome that there is not", { default: { outcome: "crash" } }, "outcome"],
    ["a reason of another error", { default: { outcome: { error: "MeterError", reason: "oom" } } }, "reason"],
    ["a negative time", { default: { seconds: -1 } }, "seconds"],
  ])("%s is refused, with the file and the place", (_, script, place) => {
    const result = parsed(script)
    if (Result.isSuccess(result)) throw new Error("it was taken")
    expect(result.failure.message).toContain("mock.json")
    expect(result.failure.message).toContain(place)
  })

  test("text that is no JSON is refused", () => {
    expect(Result.isFailure(MockScript.parse("mock.json", "{"))).toBe(true)
  })
})

describe("rules", () => {
  const script: MockScript.MockScript = {
    rules: [
      { match: { index: 2, attempt: 1 }, outcome: "hang" },
      { match: { index: 2 }, seconds: 2 },
      { match: { backend: "vllm" }, outcome: "defect" },
      { match: { cycle: 3 }, seconds: 3 },
    ],
    default: { seconds: 9 },
  }
  const of = (over: Partial<MockScript.Attempt>) =>
    MockScript.behaviourOf(script, { backend: "embedded", index: 1, cycle: 1, attempt: 1, ...over })

  test("the first that matches in every given key is taken, and nothing of the others", () => {
    expect(of({ index: 2 })).toEqual({ seconds: 0, outcome: "hang", result: {} })
    expect(of({ index: 2, attempt: 2 })).toEqual({ seconds: 2, outcome: "completed", result: {} })
    expect(of({ backend: "vllm", cycle: 3 })).toEqual({ seconds: 0, outcome: "defect", result: {} })
    expect(of({ cycle: 3 }).seconds).toBe(3)
  })

  test("else the default, else a cell that completes at once", () => {
    expect(of({}).seconds).toBe(9)
    expect(MockScript.behaviourOf({}, { backend: "vllm", index: 1, cycle: 1, attempt: 1 })).toEqual({
      seconds: 0,
      outcome: "completed",
      result: {},
    })
  })
})

describe("the scripted executor", () => {
  effect("takes its seconds on the clock and reports its phases", () =>
    Effect.gen(function* () {
      const { fiber, phases } = yield* start({ default: { seconds: 5, result: { duration_seconds: 10 } } })
      yield* TestClock.adjust("4999 millis")
      expect(fiber.pollUnsafe()).toBeUndefined()
      expect(phases).toEqual(["launch", "window"])
      yield* TestClock.adjust("1 millis")
      const result = resultOf(yield* Fiber.await(fiber))
      expect(phases).toEqual(["launch", "window", "stop"])
      expect(result.window).toMatchObject({
        started_at: "2026-01-01T00:00:00.000000Z",
        ended_at: "2026-01-01T00:00:10.000000Z",
      })
    }),
  )

  effect("gives the script's figures, never as a valid measurement", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start({
        default: { result: { energy_joules: 12.5, output_tokens: 100, duration_seconds: 10 } },
      })
      const result = resultOf(yield* Fiber.await(fiber))
      expect(Schema.is(ResultDocument)(result)).toBe(true)
      expect(result.runner.mode).toBe("mock")
      expect(result.verdict).toMatchObject({ valid: false, reasons: [{ code: "mock" }] })
      expect(result.energy).toMatchObject({ total_joules: 12.5, quality: "estimated" })
      expect(result.throughput).toMatchObject({ output_tokens: 100, output_tokens_per_second: 10 })
      expect(result.efficiency?.joules_per_output_token).toBe(0.125)
      expect(unexplainedNulls(result)).toEqual([])
    }),
  )

  effect("what the script does not tell is null with a reason, never 0", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start({})
      const result = resultOf(yield* Fiber.await(fiber))
      expect([result.energy, result.throughput, result.window, result.efficiency]).toEqual([null, null, null, null])
      for (const figure of ["energy", "throughput", "window", "efficiency", "latency"])
        expect(result.unavailable[figure]).toContain("scripted executor")
      expect(unexplainedNulls(result)).toEqual([])
    }),
  )

  for (const outcome of [
    { error: "DockerError", reason: "oom" },
    { error: "EngineError", reason: "silence" },
    { error: "LocalError", reason: "spawn" },
    { error: "MeterError", reason: "lost" },
  ] as const)
    effect(`fails as scripted: ${outcome.error}.${outcome.reason}`, () =>
      Effect.gen(function* () {
        const { fiber } = yield* start({ default: { outcome: { ...outcome, message: "it broke" } } })
        expect(Exit.findErrorOption(yield* Fiber.await(fiber))).toMatchObject({
          value: { _tag: outcome.error, reason: outcome.reason, message: "it broke" },
        })
      }),
    )

  effect("a defect is one, and no typed failure", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start({ default: { outcome: "defect" } })
      const exit = yield* Fiber.await(fiber)
      expect(Exit.hasDies(exit)).toBe(true)
      expect(Exit.hasFails(exit)).toBe(false)
    }),
  )

  effect("a hang never ends by itself, and can be interrupted", () =>
    Effect.gen(function* () {
      const { fiber, phases } = yield* start({ default: { outcome: "hang" } })
      yield* TestClock.adjust("1000 hours")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* Fiber.interrupt(fiber)
      expect(phases).toEqual(["launch", "window"])
    }),
  )

  effect("a second attempt may go otherwise", () =>
    Effect.gen(function* () {
      const script: MockScript.MockScript = {
        rules: [{ match: { attempt: 1 }, outcome: { error: "EngineError", reason: "port" } }],
      }
      const first = yield* start(script, 1)
      const second = yield* start(script, 2)
      expect(Exit.isFailure(yield* Fiber.await(first.fiber))).toBe(true)
      expect(resultOf(yield* Fiber.await(second.fiber)).status).toBe("completed")
    }),
  )
})
