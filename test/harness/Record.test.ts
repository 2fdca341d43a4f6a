import { describe, expect, test } from "bun:test"
import type { DomainSeries } from "../../src/domain/Energy.ts"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { RequestRecord } from "../../src/domain/Request.ts"
import { type Observation, windowOf } from "../../src/harness/Observation.ts"
import * as Record from "../../src/harness/Record.ts"
import { seriesOf } from "../meters/series.ts"
import { failed, streamed } from "./figures/records.ts"
import { observation, steady } from "./observation.ts"

// Two requests at once from 110 s on; the batch is full from 112 s to 130 s, and the window ends at 140 s.
const requests = [streamed(0, 110, [115, 120, 130]), streamed(1, 112, [116, 126, 140])]
const sampled = [steady(50, 100, 150)]

const codes = (
  records: ReadonlyArray<RequestRecord>,
  series: ReadonlyArray<DomainSeries>,
  over: Partial<Observation> = {},
  experiment: Partial<Experiment> = {},
): ReadonlyArray<string> => {
  const { verdict } = Record.document(observation(records, series, over, experiment))
  return [...verdict.reasons, ...verdict.warnings].map((one) => one.code)
}

const exact = { n: 2, input_len: 32, output_len: 3, seed: 1 }

describe("the measured window", () => {
  test("goes from the first request sent, also one that failed, to the last token", () => {
    expect(windowOf([failed(0, 5, 6), ...requests])).toEqual({ startSeconds: 5, endSeconds: 140 })
    expect(windowOf([...requests, failed(2, 111, 200)])).toEqual({ startSeconds: 110, endSeconds: 140 })
    expect(windowOf([failed(0, 5, 6)])).toBeNull()
  })
})

describe("times of a result", () => {
  const phases = [
    { phase: "launch", span: { startSeconds: 101, endSeconds: 104 } },
    { phase: "window", span: { startSeconds: 109.5, endSeconds: 141 } },
  ] as const
  const result = Record.document(observation(requests, sampled, { phases }))

  test("window and phases: wall clock from the anchor, offsets from the first request", () => {
    expect(result.window).toEqual({
      started_at: "2026-01-01T00:00:10.000000Z",
      ended_at: "2026-01-01T00:00:40.000000Z",
      duration_seconds: 30,
      steady: { start_offset_seconds: 2, duration_seconds: 18 },
    })
    expect(result.phases).toEqual([
      { phase: "launch", start_offset_seconds: -9, duration_seconds: 3 },
      { phase: "window", start_offset_seconds: -0.5, duration_seconds: 31.5 },
    ])
    expect(result.clock?.window_start_monotonic_seconds).toBe(110)
  })
})

describe("efficiency of the steady state", () => {
  test("takes the energy and the tokens of the steady span, not of the window", () => {
    // 10 W before 120 s and 100 W from then on: 2100 J in the window, 1080 J from 112 s to 130 s.
    const stepped = seriesOf(
      Array.from({ length: 501 }, (_, index) => {
        const at = 100 + index / 10
        return [at, 10 * at + Math.max(0, at - 120) * 90] as const
      }),
    )
    const result = Record.document(observation(requests, [stepped]))
    expect(result.energy?.total_joules).toBeCloseTo(2100, 6)
    expect(result.efficiency?.joules_per_output_token).toBeCloseTo(2100 / 6, 6)
    expect(result.efficiency_steady?.joules_per_output_token).toBeCloseTo(1080 / 5, 6)
    expect(result.efficiency_steady?.joules_per_request).toBeCloseTo(1080, 6)
  })
})

describe("what the verdict is passed on", () => {
  test("a sound measurement has nothing against it", () => {
    expect(codes(requests, sampled, {}, { dataset: exact })).toEqual(["thermal_floor_short"])
  })

  test("outputs shorter than asked are told where exact lengths were asked, and only there", () => {
    const short = [streamed(0, 110, [115, 130]), streamed(1, 112, [116, 126, 140])]
    expect(codes(short, sampled, {}, { dataset: exact })).toContain("output_shorter")
    expect(codes(short, sampled, { exactLengths: false }, { dataset: exact })).not.toContain("output_shorter")
    const longer = [streamed(0, 110, [115, 120, 125, 130]), streamed(1, 112, [116, 126, 140])]
    expect(codes(longer, sampled, {}, { dataset: exact })).not.toContain("output_shorter")
  })

  test("prompts are held against the length that the study asks for", () => {
    const long = requests.map((one) => ({ ...one, inputTokens: 33 }))
    expect(codes(long, sampled, {}, { dataset: exact })).toContain("input_longer")
    expect(codes(long, sampled, {}, { dataset: { ...exact, input_len: 33, output_len: 1 } })).not.toContain(
      "input_longer",
    )
    expect(codes(long, sampled, {}, { dataset: "own.jsonl", max_input_tokens: 32 })).toContain("input_longer")
    expect(
      codes(long, sampled, {}, { dataset: "own.jsonl", max_input_tokens: 33, max_output_tokens: 1 }),
    ).not.toContain("input_longer")
  })

  test("a meter that ticks too slowly for the window", () => {
    const slow = [steady(50, 90, 170, {}, 10)]
    expect(codes(requests, [steady(50, 90, 170, {}, 1)])).not.toContain("window_too_short_for_meter")
    const short = [streamed(0, 113, [115, 120, 121]), streamed(1, 113, [116, 117, 123])]
    expect(codes(short, slow)).toContain("window_too_short_for_meter")
  })

  test("a client that used its core up, or sent late", () => {
    const client = { cpuSeconds: 27, sendLatenessP99Seconds: 0.02, connectionsOpened: 2 }
    const found = codes(requests, sampled, { client })
    expect(found).toContain("client_saturated")
    expect(found).toContain("client_lateness")
    const within = codes(requests, sampled, { client: { ...client, cpuSeconds: 20 } })
    expect(within).not.toContain("client_saturated")
    const { client: figures } = Record.document(observation(requests, sampled, { client }))
    expect(figures?.cpu_share).toBeCloseTo(0.9, 12)
  })

  test("samples that end in the window, a gap, and metering that is off", () => {
    expect(codes(requests, [steady(50, 100, 139.9)])).toContain("window_not_covered")
    expect(codes(requests, [steady(50, 110.1, 150)])).toContain("window_not_covered")
    const { metering } = observation(requests, sampled)
    const gap = { ...metering, cost: metering.cost === null ? null : { ...metering.cost, gapMaxSeconds: 0.4 } }
    expect(codes(requests, sampled, { metering: gap })).toContain("sampler_gap")
    const off = { off: true, domains: [], series: [], cost: null, baseline: [], baselineWhy: null }
    const found = codes(requests, [], { metering: off })
    expect(found).toContain("no_energy")
    expect(found).not.toContain("energy_unavailable")
  })

  test("requests that failed, with the first failure, and warnings from elsewhere", () => {
    const warnings = [{ code: "dataset_repeated", message: "again" }]
    const result = Record.document(observation([...requests, failed(2, 111, 113)], sampled, { warnings }))
    expect(result.verdict.valid).toBe(false)
    expect(result.verdict.reasons[0]?.message).toContain("1 of 3 requests failed (33.3 %; first: reset: gone)")
    expect(result.verdict.warnings.map((one) => one.code)).toContain("dataset_repeated")
  })
})
