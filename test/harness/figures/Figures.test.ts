import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import {
  Distribution,
  EfficiencyFigures,
  FlopsFigures,
  LatencyFigures,
  ThroughputFigures,
} from "../../../src/domain/ResultDocument.ts"
import * as Efficiency from "../../../src/harness/figures/Efficiency.ts"
import * as Flops from "../../../src/harness/figures/Flops.ts"
import * as Latency from "../../../src/harness/figures/Latency.ts"
import * as Output from "../../../src/harness/figures/Output.ts"
import { distribution, quantile } from "../../../src/harness/figures/Statistics.ts"
import * as SteadyState from "../../../src/harness/figures/SteadyState.ts"
import * as Throughput from "../../../src/harness/figures/Throughput.ts"
import { arbitraryOf, prop } from "../../lib/effect.ts"
import { failed, streamed } from "./records.ts"

const near = (value: number | null | undefined, expected: number) =>
  expect(value ?? Number.NaN).toBeCloseTo(expected, 9)

describe("statistics", () => {
  test("quantiles are NumPy's: of 1..4 the median is 2.5 and p90 3.7", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5)
    expect(quantile([1, 2, 3, 4], 0.9)).toBeCloseTo(3.7, 12)
    expect(quantile([7], 0.99)).toBe(7)
  })

  test("mean, sample deviation, null for one value and for none", () => {
    const found = distribution([4, 2, 6])
    expect(found).toMatchObject({ mean: 4, std: 2, min: 2, p50: 4, max: 6, count: 3 })
    expect(distribution([5])).toMatchObject({ mean: 5, std: null, p99: 5, count: 1 })
    expect(distribution([])).toBeNull()
  })

  const values = arbitraryOf(
    Schema.NonEmptyArray(Schema.Finite.check(Schema.isBetween({ minimum: -1e9, maximum: 1e9 }))),
  )
  prop("quantiles lie in order between the extremes, whatever the order of the values", values, (some) => {
    const found = distribution(some)
    if (found === null) return false
    expect(distribution(some.toReversed())).toEqual(found)
    const { min, p50, p90, p95, p99, max } = found
    return min <= p50 && p50 <= p90 && p90 <= p95 && p95 <= p99 && p99 <= max && Schema.is(Distribution)(found)
  })
})

describe("latency", () => {
  // Sent at 10; tokens at 10.1, 10.2, then three at once at 10.5.
  const one = streamed(0, 10, [10.1, 10.2, 10.5], { tokens: [1, 1, 3] })

  test("TTFT, TPOT, ITL and E2E of one request by hand", () => {
    const { figures, unavailable } = Latency.of([one])
    near(figures.ttft_seconds?.mean, 0.1)
    near(figures.tpot_seconds?.mean, 0.4 / 4)
    expect(figures.itl_seconds?.count).toBe(4)
    near(figures.itl_seconds?.min, 0.1)
    near(figures.itl_seconds?.max, 0.1)
    near(figures.e2e_seconds?.mean, 0.5)
    expect(unavailable).toEqual({})
    expect(Schema.is(LatencyFigures)(figures)).toBe(true)
  })

  test("chunks of one read count as one, so no gap is 0", () => {
    const gaps = Latency.gapsOf(streamed(0, 0, [1, 2, 2, 4], { tokens: [1, 1, 1, 2] }))
    expect(gaps).toEqual([0.5, 0.5, 1, 1])
  })

  test("a token alone has no TPOT; failed requests count nowhere", () => {
    const { figures, unavailable } = Latency.of([streamed(0, 0, [1]), failed(1, 0, 9)])
    expect(figures).toMatchObject({ ttft_seconds: { count: 1 }, tpot_seconds: null, itl_seconds: null })
    expect(figures.e2e_seconds?.max).toBe(1)
    expect(unavailable).toEqual({
      "latency.tpot_seconds": "no request brought two or more tokens",
      "latency.itl_seconds": "no request brought two or more tokens",
    })
  })

  test("no TTFT without a stream, no ITL where tokens cannot be placed, each with its own reason", () => {
    const whole = streamed(0, 0, [3], { tokens: [5], firstTokenSeconds: null })
    expect(Latency.of([whole]).unavailable["latency.ttft_seconds"]).toContain("one piece")
    expect(Latency.of([whole]).figures.e2e_seconds?.mean).toBe(3)
    const unplaced = streamed(0, 0, [1, 2], { tokens: [0, 0], outputTokens: 7 })
    const found = Latency.of([unplaced])
    expect(found.figures.itl_seconds).toBeNull()
    expect(found.unavailable).toEqual({
      "latency.itl_seconds": "the server's counts do not tell how the tokens spread over the chunks",
    })
    near(found.figures.tpot_seconds?.mean, 1 / 6)
  })

  test("when nothing succeeded every figure says so", () => {
    expect(new Set(Object.values(Latency.of([failed(0, 0, 1)]).unavailable))).toEqual(new Set(["no request succeeded"]))
  })

  const times = arbitraryOf(Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))))
  prop("the gaps of a request add up to last minus first, and TPOT is their mean", times, (steps) => {
    let at = 0
    const chunkSeconds = steps.map((step) => {
      at += step
      return at
    })
    const record = streamed(0, 0, chunkSeconds)
    const gaps = Latency.gapsOf(record)
    const sum = gaps.reduce((total, gap) => total + gap, 0)
    const tpot = Latency.of([record]).figures.tpot_seconds?.mean
    return (
      gaps.length === steps.length - 1 &&
      sum === (chunkSeconds.at(-1) ?? 0) - (chunkSeconds[0] ?? 0) &&
      (gaps.length === 0 ? tpot === undefined : Math.abs((tpot ?? 0) - sum / gaps.length) < 1e-9)
    )
  })
})

describe("throughput", () => {
  const records = [streamed(0, 0, [1, 2]), streamed(1, 0, [3, 8]), failed(2, 0, 20)]
  const window = { startSeconds: 0, endSeconds: 8 }

  test("only successful requests, over the window; goodput null without limits", () => {
    const { figures, unavailable } = Throughput.of(records, window, undefined)
    expect(figures).toEqual({
      requests: 2,
      failed_requests: 1,
      input_tokens: 20,
      output_tokens: 4,
      output_tokens_per_second: 0.5,
      requests_per_second: 0.25,
      goodput_requests_per_second: null,
    })
    expect(unavailable).toEqual({ "throughput.goodput_requests_per_second": "no SLO in the study" })
    expect(Schema.is(ThroughputFigures)(figures)).toBe(true)
  })

  test("goodput needs every limit to be met", () => {
    const goodput = (slo: Record<string, number>) =>
      Throughput.of(records, window, slo).figures.goodput_requests_per_second
    expect(goodput({ ttft_seconds: 1 })).toBe(1 / 8)
    expect(goodput({ ttft_seconds: 3 })).toBe(2 / 8)
    expect(goodput({ ttft_seconds: 3, tpot_seconds: 1 })).toBe(1 / 8)
    expect(goodput({ e2e_seconds: 1 })).toBe(0)
    expect(goodput({ percentile: 95 })).toBeNull()
  })

  test("no success: counts, and nulls with their reason instead of rates of 0", () => {
    const { figures, unavailable } = Throughput.of([failed(0, 0, 1)], null, { ttft_seconds: 1 })
    expect(figures).toMatchObject({ requests: 0, failed_requests: 1, output_tokens_per_second: null })
    expect(unavailable["throughput.goodput_requests_per_second"]).toBe("no request succeeded")
  })
})

describe("efficiency", () => {
  const input: Efficiency.EfficiencyInput = {
    energyJoules: 7200,
    energyWhy: null,
    durationSeconds: 1800,
    inputTokens: 600,
    outputTokens: 1200,
    requests: 10,
    tokensWhy: null,
    gpuCount: 2,
    energy: { carbon_intensity_gco2_kwh: 300, datacenter_pue: 1.5 },
    cost: { per_kwh: 0.25, per_gpu_hour: 3, currency: "EUR" },
  }

  test("all figures by hand", () => {
    const { figures, unavailable } = Efficiency.of(input)
    expect(figures.joules_per_output_token).toBe(6)
    expect(figures.joules_per_token).toBe(4)
    expect(figures.joules_per_request).toBe(720)
    near(figures.output_tokens_per_joule, 1 / 6)
    near(figures.co2e_grams, 0.002 * 300 * 1.5)
    near(figures.energy_cost_per_million_output_tokens, (0.002 * 0.25) / 0.0012)
    near(figures.machine_cost_per_million_output_tokens, (3 * 2 * 0.5) / 0.0012)
    expect(figures.currency).toBe("EUR")
    expect(unavailable).toEqual({})
    expect(Schema.is(EfficiencyFigures)(figures)).toBe(true)
  })

  test("without energy the machine's cost stays, and the meter's reason stands at all others", () => {
    const { figures, unavailable } = Efficiency.of({ ...input, energyJoules: null, energyWhy: "gpu:1 was lost" })
    expect(figures.machine_cost_per_million_output_tokens).not.toBeNull()
    const nulls = Object.entries(figures).flatMap(([name, value]) => (value === null ? [`efficiency.${name}`] : []))
    expect(Object.keys(unavailable).toSorted()).toEqual(nulls.toSorted())
    expect(new Set(Object.values(unavailable))).toEqual(new Set(["gpu:1 was lost"]))
  })

  test("what the study does not set is null with the field's name; the reasons follow the section", () => {
    const { unavailable } = Efficiency.of(
      { ...input, energy: {}, cost: undefined, gpuCount: null },
      "efficiency_steady",
    )
    expect(unavailable).toEqual({
      "efficiency_steady.co2e_grams": "energy.carbon_intensity_gco2_kwh is not set",
      "efficiency_steady.energy_cost_per_million_output_tokens": "cost.per_kwh is not set",
      "efficiency_steady.machine_cost_per_million_output_tokens": "cost.per_gpu_hour is not set",
      "efficiency_steady.currency": "cost.currency is not set",
    })
  })

  test("a division by nothing is null with a reason, never infinite", () => {
    const { figures, unavailable } = Efficiency.of({ ...input, outputTokens: 0, inputTokens: 0, requests: 0 })
    for (const [name, value] of Object.entries(figures))
      if (value === null) expect(unavailable[`efficiency.${name}`]).toBeString()
    expect(figures.joules_per_output_token).toBeNull()
    expect(Schema.is(EfficiencyFigures)(figures)).toBe(true)
    const zero = Efficiency.of({ ...input, energyJoules: 0 })
    expect(zero.figures.output_tokens_per_joule).toBeNull()
    expect(zero.unavailable).toEqual({ "efficiency.output_tokens_per_joule": "no energy was counted" })
  })
})

describe("FLOPs", () => {
  test("2 x parameters x tokens, per output token and per second", () => {
    const { figures } = Flops.of({ nonEmbeddingParameters: 1e6, inputTokens: 30, outputTokens: 10, durationSeconds: 4 })
    expect(figures).toEqual({ total: 8e7, per_output_token: 8e6, flops_per_second: 2e7, why: null })
    expect(Schema.is(FlopsFigures)(figures)).toBe(true)
  })

  test("unknown parameters: all null, with the reason", () => {
    const { figures, unavailable } = Flops.of({
      nonEmbeddingParameters: null,
      inputTokens: 3,
      outputTokens: 1,
      durationSeconds: 4,
    })
    expect(figures.total).toBeNull()
    expect(figures.why).toContain("non-embedding")
    expect(Object.keys(unavailable)).toHaveLength(3)
  })
})

describe("steady state", () => {
  test("one static batch: from the last one sent to the first one ended, tokens counted inside only", () => {
    const records = [streamed(0, 0, [1, 2, 3]), streamed(1, 0.5, [0.9, 2.5, 5]), streamed(2, 1.5, [2, 4, 6])]
    const found = SteadyState.of(records, 3)
    expect(found).toEqual({
      span: { startSeconds: 1.5, endSeconds: 3 },
      why: null,
      requests: 1,
      inputTokens: 10,
      outputTokens: 4,
      tokensWhy: null,
    })
  })

  test("closed loop: the moments between an end and the next send do not end it", () => {
    const records = [
      streamed(0, 0, [1, 2]),
      streamed(1, 0, [1, 4]),
      streamed(2, 2.001, [3, 6]),
      streamed(3, 4.001, [5, 7]),
    ]
    const found = SteadyState.of(records, 2)
    expect(found.span).toEqual({ startSeconds: 0, endSeconds: 6 })
  })

  test("a request that fails leaves the batch when it fails", () => {
    const records = [streamed(0, 0, [1, 9]), failed(1, 0, 4)]
    expect(SteadyState.of(records, 2).span).toEqual({ startSeconds: 0, endSeconds: 4 })
  })

  test("fewer requests than the batch holds: all of them make it full", () => {
    expect(SteadyState.of([streamed(0, 1, [2, 3])], 8).span).toEqual({ startSeconds: 1, endSeconds: 3 })
  })

  test("none, with a reason: open arrivals, a batch that was never full, no requests", () => {
    expect(SteadyState.of([streamed(0, 0, [1])], null).why).toContain("no batch")
    expect(SteadyState.of([streamed(0, 0, [1]), streamed(1, 2, [3])], 2).why).toContain("never 2 requests")
    expect(SteadyState.of([], 2).why).toContain("no requests")
  })

  test("tokens that cannot be placed leave the span and give null with a reason", () => {
    const found = SteadyState.of([streamed(0, 0, [1, 2], { tokens: [0, 0], outputTokens: 9 })], 1)
    expect(found).toMatchObject({ span: { startSeconds: 0, endSeconds: 2 }, outputTokens: null })
  })
})

describe("output", () => {
  test("texts carry their length, in the order of ids; failures are left out", () => {
    const records = [streamed(2, 0, [1], { text: "ü\n" }), failed(1, 0, 1), streamed(0, 0, [1], { text: "a" })]
    expect(Output.canonical(records)).toBe("1:a\n3:ü\n\n")
  })

  test("token ids where every request has them", () => {
    const withIds = [streamed(0, 0, [1], { tokenIds: [5, 6] }), streamed(1, 0, [1], { tokenIds: [7] })]
    expect(Output.canonical(withIds)).toBe("5,6\n7\n")
    expect(Output.canonical([...withIds, streamed(2, 0, [1], { text: "x" })])).toBe("6:text 0\n6:text 1\n1:x\n")
  })

  test("the sample is the first text that succeeded, the hash that of the canonical text", () => {
    const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex")
    const found = Output.of([failed(0, 0, 1), streamed(1, 0, [1], { text: "hello" })], sha256)
    expect(found).toEqual({ sample: "hello", sha256: sha256("5:hello\n") })
    expect(Output.of([failed(0, 0, 1)], sha256)).toBeNull()
  })
})
