import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import { PlanDocument } from "../../src/domain/PlanDocument.ts"
import * as Judge from "../../src/preflight/Judge.ts"
import * as Durations from "../../src/runner/Durations.ts"
import * as Plan from "../../src/runner/Plan.ts"
import { encodePlan } from "../../src/runner/PlanDocument.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { experiment } from "../store/samples.ts"
import { planInput, without } from "./samples.ts"

const planned = (...args: Parameters<typeof planInput>) => Plan.plan(planInput(...args))
const codes = (list: ReadonlyArray<{ readonly code: string }>): ReadonlyArray<string> => list.map(({ code }) => code)

const embedded: Partial<Experiment> = {}
const vllm: Partial<Experiment> = { backend: "vllm" }

describe("cells", () => {
  test("stand in the given order and keep their number in every cycle", () => {
    const order = [
      { index: 2, cycle: 1 },
      { index: 1, cycle: 1 },
      { index: 1, cycle: 2 },
      { index: 2, cycle: 2 },
    ]
    const skipped = [{ reason: "invalid", config: { n: 0 } }]
    const { cells, counts } = planned([embedded, vllm], { order, skipped })
    expect(cells.map(({ index, cycle }) => ({ index, cycle }))).toEqual(order)
    expect(cells.map(({ experiment: { backend } }) => backend)).toEqual(["vllm", "embedded", "embedded", "vllm"])
    expect(cells[0]?.hash).toBe(cells[3]?.hash)
    expect(counts).toEqual({ experiments: 2, cycles: 2, cells: 4, skipped: 1 })
  })

  test("of a backend that cannot run here are skipped in every cycle, said once", () => {
    const plan = planned([vllm, embedded], { cycles: 3, facts: without("vllm") })
    expect(plan.cells.map(({ skip }) => skip?.code ?? null)).toEqual(
      Array.from({ length: 3 }, () => ["backend_unavailable", null]).flat(),
    )
    expect(codes(plan.notices)).toEqual(["backend_unavailable"])
    expect(plan.findings).toEqual([])
  })

  test("that ask for what the engine cannot do are skipped with the fields, the others run", () => {
    const engine = () => ({
      unsupported: ({ decoder }: Experiment) =>
        decoder.min_p === undefined ? [] : [{ field: "decoder.min_p", message: "it has no such setting" }],
      batchSize: () => 1,
    })
    const asking = { decoder: { ...experiment().decoder, min_p: 0.1 } }
    const plan = planned([asking, embedded, asking], { engine })
    expect(plan.cells.map(({ skip }) => skip?.code ?? null)).toEqual(["unsupported", null, "unsupported"])
    expect(plan.cells[0]?.skip?.message).toContain("decoder.min_p: it has no such setting")
    expect(codes(plan.notices)).toEqual(["unsupported"])
    expect(plan.notices[0]?.message).toContain("These 2 are skipped")
  })

  test("when none is left, that blocks, with the reasons", () => {
    const nothing = planned([vllm], { facts: without("vllm") })
    expect(nothing.findings).toMatchObject([{ code: "nothing_to_run", blocking: true }])
    expect(nothing.findings[0]?.message).toContain("it was not found on PATH")
    expect(Result.isFailure(Judge.ready(nothing.findings))).toBe(true)
    expect(codes(planned([]).findings)).toEqual(["nothing_to_run"])
  })
})

describe("pauses", () => {
  const gaps = (...args: Parameters<typeof planInput>) => {
    const { experimentGapSeconds, cycleGapSeconds } = planned(...args)
    return [experimentGapSeconds, cycleGapSeconds]
  }

  test("are 60 and 300 seconds, none where only the embedded engine runs on the CPU", () => {
    expect(gaps([vllm, embedded])).toEqual([60, 300])
    expect(gaps([embedded])).toEqual([0, 0])
    expect(gaps([{ embedded: { gpu_layers: 10 } }])).toEqual([60, 300])
    expect(gaps([vllm, embedded], { facts: without("vllm") })).toEqual([0, 0])
  })

  test("that were given hold, zero too", () => {
    const given = { execution: { experimentGapSeconds: 0, cycleGapSeconds: 7, timeouts: {} } }
    expect(gaps([vllm], given)).toEqual([0, 7])
  })

  test("count in the expected duration, each between two cells that run", () => {
    const seconds = (experimentGapSeconds: number, cycleGapSeconds: number) =>
      planned([embedded, vllm, embedded], {
        cycles: 2,
        facts: without("vllm"),
        execution: { experimentGapSeconds, cycleGapSeconds, timeouts: {} },
      }).expectedSeconds
    expect(seconds(10, 0) - seconds(0, 0)).toBeCloseTo(20)
    expect(seconds(0, 100) - seconds(0, 0)).toBeCloseTo(100)
  })
})

describe("limits", () => {
  const base = experiment({
    n: 1000,
    dataset: { n: 1000, input_len: 40, output_len: 8, seed: 1 },
    warmup: { ...experiment().warmup, n_warmup: 100, thermal_floor_seconds: 33 },
    baseline: { enabled: true, duration_seconds: 30 },
  })

  test("follow the documented formula", () => {
    // 40 / 20 + 8 / 1 = 10 seconds a request
    expect(Durations.limits(base, {})).toEqual({
      timeouts: { launchSeconds: 900, warmupSeconds: 1000, windowSeconds: 10_000, silenceSeconds: 300 },
      timeoutSeconds: 900 + 1000 + 10_000 + 33 + 30 + 120,
    })
  })

  test("leave out the floor without warm-up, and the baseline without metering", () => {
    const bare = { ...base, warmup: { ...base.warmup, enabled: false }, energy: { ...base.energy, backend: null } }
    expect(Durations.limits(bare, {}).timeoutSeconds).toBe(900 + 600 + 10_000 + 120)
  })

  test("wait for the last arrival of a slow load", () => {
    const slow = { ...base, load: { mode: "constant", rate: 0.01 } } as const
    expect(Durations.limits(slow, {}).timeouts.windowSeconds).toBe(100_000 + 100)
  })

  test("that were given replace the computed ones, and the whole is the sum of what holds", () => {
    const given = { launch_seconds: 1, warmup_seconds: 2, window_seconds: 3, silence_seconds: 4 }
    expect(Durations.limits(base, given)).toEqual({
      timeouts: { launchSeconds: 1, warmupSeconds: 2, windowSeconds: 3, silenceSeconds: 4 },
      timeoutSeconds: 1 + 2 + 3 + 33 + 30 + 120,
    })
    expect(Durations.limits(base, { cell_seconds: 5 }).timeoutSeconds).toBe(5)
  })

  const size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))
  prop(
    "are never shorter than the phases, the pauses before them, or what the plan expects",
    arbitraryOf(Schema.Struct({ n: size, input: size, output: size, floor: size })),
    ({ n, input, output, floor }) => {
      const one = experiment({
        n,
        dataset: { n, input_len: input, output_len: output, seed: 1 },
        warmup: { ...experiment().warmup, thermal_floor_seconds: floor },
      })
      const { timeoutSeconds, timeouts } = Durations.limits(one, {})
      const phases = timeouts.launchSeconds + timeouts.warmupSeconds + timeouts.windowSeconds + floor
      return timeoutSeconds >= phases && timeoutSeconds >= Durations.expected(one, 1) + Durations.baseline(one)
    },
  )
})

describe("as a document", () => {
  const decode = Schema.decodeUnknownSync(PlanDocument, { onExcessProperty: "error" })

  test("it has the outer form exactly, and reads back as itself", () => {
    const document = encodePlan(
      planned([vllm, embedded], { cycles: 2, facts: without("vllm"), skipped: [{ reason: "r", config: { n: 0 } }] }),
    )
    expect(decode(JSON.parse(JSON.stringify(document)))).toEqual(document)
    expect(Object.keys(document)).toEqual([
      "schema",
      "study",
      "counts",
      "runners",
      "notices",
      "preflight",
      "cells",
      "skipped",
    ])
    expect(Object.keys(document.cells[0] ?? {})).toEqual([
      "index",
      "cycle",
      "hash",
      "backend",
      "config",
      "timeout_seconds",
      "timeouts",
      "skip",
    ])
    expect(document.preflight).toEqual({ ready: true, findings: [] })
  })

  test("what blocks makes it not ready; whether a finding blocks is not told apart otherwise", () => {
    const nothing = encodePlan(planned([vllm], { facts: without("vllm") }))
    expect(nothing.preflight.ready).toBe(false)
    expect(Object.keys(nothing.preflight.findings[0] ?? {})).toEqual(["code", "message", "fix"])
    const tensorrt = encodePlan(planned([{ backend: "tensorrt" }]))
    expect([tensorrt.preflight.ready, codes(tensorrt.preflight.findings)]).toEqual([true, ["gpu_required"]])
  })
})
