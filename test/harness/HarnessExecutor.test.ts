import { describe, expect } from "bun:test"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { LocalError } from "../../src/domain/Failure.ts"
import type { Cell } from "../../src/domain/Plan.ts"
import type { Gate } from "../../src/domain/Study.ts"
import { Executor } from "../../src/executors/Executor.ts"
import { effect } from "../lib/effect.ts"
import { experiment } from "../store/samples.ts"
import { failed, streamed } from "./figures/records.ts"
import { cellOf, execute, executeTwice, node } from "./harnessNode.ts"

describe("one cell", () => {
  effect("meters the engine's own processes from its launch on, and writes every table", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { exit } = yield* execute(log, cellOf(), { loadsSeconds: 10 })
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(log).toEqual([
        "gate",
        "baseline",
        "launch",
        "watch 41,42",
        "load",
        "warmup",
        "run 5",
        "window",
        "run 4",
        "drain",
        "stop",
        "stop",
        "requests",
        "power",
        "environment.json",
      ])
      const phases = Exit.isSuccess(exit) ? exit.value.phases : []
      const load = phases.find(({ phase }) => phase === "load")
      expect(load?.duration_seconds).toBeGreaterThanOrEqual(10)
      expect(phases.find(({ phase }) => phase === "baseline")?.duration_seconds).toBe(30)
    }),
  )

  effect("no baseline, no warm-up and no thermal floor where the study says so, each null with its reason", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const off = { ...experiment().warmup, enabled: false, thermal_floor_seconds: 60 }
      const one = cellOf({ baseline: { enabled: false, duration_seconds: 30 }, warmup: off })
      const { exit } = yield* execute(log, one)
      expect(log.filter((entry) => /baseline|warmup|thermal/.test(entry))).toEqual([])
      const result = Exit.isSuccess(exit) ? exit.value : null
      expect(result?.warmup).toBeNull()
      expect(result?.unavailable["warmup"]).toBe("warmup.enabled is false")
      expect(result?.energy?.domains[0]?.baseline_watts).toBeNull()
      expect(result?.unavailable["energy.domains.0.baseline_watts"]).toBe("baseline.enabled is false")
    }),
  )

  effect("a warm-up that fails ends the cell before anything is measured", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { failure } = yield* execute(log, cellOf(), {
        answer: (run, id, at) => (run === 0 && id === 3 ? failed(id, at, at + 1) : streamed(id, at, [at + 1])),
      })
      expect(failure).toMatchObject({ _tag: "EngineError", reason: "request", details: { log_tail: ["last words"] } })
      expect(log.slice(-3)).toEqual(["warmup", "run 5", "stop"])
    }),
  )

  effect("requests that brought nothing for too long are the engine's failure, others that failed are figures", () =>
    Effect.gen(function* () {
      const answer = (kind: string) => (run: number, id: number, at: number) =>
        run === 1 && id === 2
          ? { ...failed(id, at, at + 1), error: { kind, message: "it" } }
          : streamed(id, at, [at + 1, at + 2])
      const silent = yield* execute([], cellOf(), { answer: answer("silence") })
      expect(silent.failure).toMatchObject({ _tag: "EngineError", reason: "silence" })
      const reset = yield* execute([], cellOf(), { answer: answer("reset") })
      expect(Exit.isSuccess(reset.exit) && reset.exit.value.throughput?.failed_requests).toBe(1)
    }),
  )

  effect("each phase has its own limit, and the engine is stopped when it is over", () =>
    Effect.gen(function* () {
      const outcomes = [
        [21, 8],
        [19, 51],
      ].map((runsSeconds) =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const { failure } = yield* execute(log, cellOf(), { runsSeconds })
          return [
            failure?._tag,
            failure?.reason,
            failure?.details["phase"],
            failure?.details["limit_seconds"],
            log.at(-1),
          ]
        }),
      )
      expect(yield* Effect.all(outcomes)).toEqual([
        ["EngineError", "timeout", "warm-up", 20, "stop"],
        ["EngineError", "timeout", "window", 50, "stop"],
      ])
      const { exit } = yield* execute([], cellOf(), { runsSeconds: [19, 49] })
      expect(Exit.isSuccess(exit)).toBe(true)
    }),
  )

  const onGpu = (how: Gate): Cell => {
    const one = cellOf()
    return { ...one, placement: { ...one.placement, gpuUuids: ["GPU-a"], gate: how } }
  }

  effect(
    "what others hold of its GPUs is looked at before anything else is metered or started, and is in the result",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const warning = { code: "residual_gpu_memory", message: "5120 MiB of GPU-a" }
        const { exit } = yield* execute(log, onGpu("warn"), { gate: Effect.succeed([warning]) })
        expect(log.slice(0, 4)).toEqual(["gate", "look at GPU-a warn 300", "baseline", "launch"])
        expect(Exit.isSuccess(exit) && exit.value.verdict.warnings).toContainEqual(warning)
      }),
  )

  effect("a cell whose GPUs stay busy fails before its engine starts", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const busy = new LocalError({ reason: "busy", message: "held", fix: "free them", details: {} })
      const { failure } = yield* execute(log, onGpu("strict"), { gate: Effect.fail(busy) })
      expect(failure).toMatchObject({ _tag: "LocalError", reason: "busy" })
      expect(log).toEqual(["gate", "look at GPU-a strict 300"])
    }),
  )

  effect("an engine that is kept for the next cell is nobody else's: its GPUs are not looked at again", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const context = {
        directory: "/cell",
        study: "study",
        attempt: 1,
        reuseEngine: true,
        onPhase: () => Effect.void,
        onLive: () => Effect.void,
      }
      const running = yield* Effect.forkChild(
        Executor.use((executor) =>
          Effect.andThen(executor.execute(onGpu("strict"), context), executor.execute(onGpu("strict"), context)),
        ).pipe(Effect.provide(node(log, { runsSeconds: [2, 8, 2, 8] }))),
      )
      yield* TestClock.adjust("1 hour")
      expect((yield* Fiber.join(running)).phases.map(({ phase }) => phase)).toContain("gate")
      expect(log.filter((entry) => /^(look|stop)/.test(entry))).toEqual(["look at GPU-a strict 300", "stop"])
    }),
  )

  effect("a kept engine forgets what the cell before has left in it, a new one has nothing to forget", () =>
    Effect.gen(function* () {
      const kept: Array<string> = []
      yield* executeTwice(kept, cellOf(), true)
      expect(kept.filter((entry) => entry.startsWith("POST"))).toEqual(["POST /reset_prefix_cache"])
      expect(kept.indexOf("POST /reset_prefix_cache")).toBeGreaterThan(kept.indexOf("environment.json"))
      expect(kept.filter((entry) => entry.startsWith("log in"))).toEqual(["log in /cell"])
      const fresh: Array<string> = []
      yield* executeTwice(fresh, cellOf(), false)
      expect(fresh.filter((entry) => entry.startsWith("POST"))).toEqual([])
    }),
  )
})
