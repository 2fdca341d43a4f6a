import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { energyOver } from "../../src/meters/Integrate.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { exactJoules, seriesOf } from "./series.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A waveform, how it is sampled, and a span inside the samples. */
const Case = Schema.Struct({
  pieces: Schema.NonEmptyArray(Schema.Struct({ watts: int(1, 700), milliseconds: int(1, 900) })),
  periodMillis: int(5, 120),
  tickMillis: int(20, 150),
  phase: int(0, 19),
  startMillis: int(200, 3000),
  lengthMillis: int(1, 6000),
})
type Case = typeof Case.Type
const cases = arbitraryOf(Case)

const sampleTimes = (value: Case): ReadonlyArray<number> => {
  const count = Math.ceil(10_000 / value.periodMillis)
  return Array.from({ length: count }, (_, index) => ((index + value.phase / 20) * value.periodMillis) / 1000)
}
const spanOf = (value: Case) => ({
  startSeconds: value.startMillis / 1000,
  endSeconds: (value.startMillis + value.lengthMillis) / 1000,
})
const exactOver = (value: Case, span: { startSeconds: number; endSeconds: number }) =>
  exactJoules(value, span.endSeconds) - exactJoules(value, span.startSeconds)

/** Two rectangular distributions of which one sigma is known reach at most this many sigmas. */
const EXTENT = Math.sqrt(24)

const joulesOf = (result: ReturnType<typeof energyOver>): number => {
  if (result.joules === null) throw new Error(result.why)
  return result.joules
}

describe("energy of a counter", () => {
  prop("is exact where the edges are sample times", cases, (value) => {
    const times = sampleTimes(value)
    const series = seriesOf(times.map((time) => [time, exactJoules(value, time)]))
    const span = { startSeconds: times[3] ?? 0, endSeconds: times[times.length - 4] ?? 0 }
    expect(joulesOf(energyOver(series, span))).toBeCloseTo(exactOver(value, span), 6)
  })

  prop("is exact at constant power, wherever the edges are", cases, (value) => {
    const constant = { pieces: [value.pieces[0]] }
    const series = seriesOf(sampleTimes(value).map((time) => [time, exactJoules(constant, time)]))
    const span = spanOf(value)
    const exact = value.pieces[0].watts * (span.endSeconds - span.startSeconds)
    expect(Math.abs(joulesOf(energyOver(series, span)) - exact)).toBeLessThan(1e-6)
  })

  prop("differs from the truth by no more than its uncertainty can explain", cases, (value) => {
    const series = seriesOf(sampleTimes(value).map((time) => [time, exactJoules(value, time)]))
    const span = spanOf(value)
    const result = energyOver(series, span)
    const error = Math.abs(joulesOf(result) - exactOver(value, span))
    expect(error).toBeLessThanOrEqual(EXTENT * (result.uncertaintyJoules ?? 0) + 1e-9)
  })

  prop("that ticks more slowly than it is read is known to its ticks and the stamps of them", cases, (value) => {
    const tick = value.tickMillis / 1000
    const period = Math.min(value.periodMillis, value.tickMillis / 4) / 1000
    const times = Array.from({ length: Math.ceil(10 / period) }, (_, index) => (index + value.phase / 20) * period)
    const series = seriesOf(times.map((time) => [time, exactJoules(value, Math.floor(time / tick + 1e-9) * tick)]))
    const span = spanOf(value)
    const result = energyOver(series, span)
    const error = Math.abs(joulesOf(result) - exactOver(value, span))
    // A tick is stamped midway between two reads, so half a period off at most; power is 700 W at most.
    expect(error).toBeLessThanOrEqual(EXTENT * (result.uncertaintyJoules ?? 0) + 700 * period + 1e-9)
  })

  test("between ticks comes far closer than whole ticks do", () => {
    // 100 W, a tick of 100 ms, read every 10 ms, 1 s long with both edges inside ticks: whole ticks give 90 or 110 J.
    const series = seriesOf(
      Array.from({ length: 300 }, (_, index) => [
        index / 100 + 0.003,
        10 * Math.floor((index / 100 + 0.003) / 0.1 + 1e-9),
      ]),
    )
    const joules = joulesOf(energyOver(series, { startSeconds: 0.555, endSeconds: 1.587 }))
    expect(Math.abs(joules - 103.2)).toBeLessThan(0.2)
  })

  prop("over a span is the sum over its parts", cases, (value) => {
    const times = sampleTimes(value)
    const span = spanOf(value)
    const middle = (span.startSeconds * 2 + span.endSeconds) / 3
    for (const kind of ["counter", "power"] as const) {
      const series = seriesOf(
        times.map((time) => [time, kind === "counter" ? exactJoules(value, time) : 10 + ((time * 37) % 5)]),
        { kind },
      )
      const whole = joulesOf(energyOver(series, span))
      const parts =
        joulesOf(energyOver(series, { startSeconds: span.startSeconds, endSeconds: middle })) +
        joulesOf(energyOver(series, { startSeconds: middle, endSeconds: span.endSeconds }))
      expect(parts).toBeCloseTo(whole, 6)
    }
  })

  test("combines edges, resolution and the source's own uncertainty in quadrature", () => {
    const series = seriesOf(
      [
        [0, 0],
        [1, 12],
        [2, 24],
        [3, 36],
      ],
      { resolution: 6, relativeUncertainty: 0.5 },
    )
    const inner = energyOver(series, { startSeconds: 1, endSeconds: 2 })
    expect(inner.uncertaintyJoules).toBeCloseTo(Math.sqrt((2 * 36) / 12 + 36), 9)
    const between = energyOver(series, { startSeconds: 0.5, endSeconds: 2.5 })
    expect(between.uncertaintyJoules).toBeCloseTo(Math.sqrt((2 * 144 + 2 * 36) / 12 + 144), 9)
  })
})

describe("energy of a power series", () => {
  prop(
    "is exact where power is linear between samples, wherever the edges are",
    cases,
    (value) => {
      const times = sampleTimes(value)
      const watts = times.map((_, index) => value.pieces[index % value.pieces.length]?.watts ?? 0)
      const series = seriesOf(
        times.map((time, index) => [time, watts[index] ?? 0]),
        { kind: "power" },
      )
      const span = spanOf(value)
      // The integral of the polygon by summing thin slices' midpoints, exact up to the slices that hold a corner.
      const at = (seconds: number): number => {
        const position = seconds / (value.periodMillis / 1000) - value.phase / 20
        const index = Math.min(Math.max(Math.floor(position), 0), times.length - 2)
        const share = position - index
        return (watts[index] ?? 0) * (1 - share) + (watts[index + 1] ?? 0) * share
      }
      const slices = 20_000
      const width = (span.endSeconds - span.startSeconds) / slices
      let exact = 0
      for (let slice = 0; slice < slices; slice++) exact += at(span.startSeconds + (slice + 0.5) * width) * width
      expect(Math.abs(joulesOf(energyOver(series, span)) / exact - 1)).toBeLessThan(1e-4)
    },
    40,
  )

  test("a long gap is not bridged", () => {
    const times = [
      ...Array.from({ length: 20 }, (_, index) => index / 10),
      ...Array.from({ length: 20 }, (_, index) => 6 + index / 10),
    ]
    const series = seriesOf(
      times.map((time) => [time, 50]),
      { kind: "power" },
    )
    expect(energyOver(series, { startSeconds: 1, endSeconds: 7 })).toMatchObject({
      joules: null,
      why: "no sample for 4.1 s",
    })
    expect(joulesOf(energyOver(series, { startSeconds: 6.2, endSeconds: 7.2 }))).toBeCloseTo(50, 6)
  })
})

describe("energy is unavailable, never 0,", () => {
  const steady = Array.from({ length: 101 }, (_, index): readonly [number, number] => [10 + index / 10, index])
  const why = (series: ReturnType<typeof seriesOf>, startSeconds: number, endSeconds: number) => {
    const result = energyOver(series, { startSeconds, endSeconds })
    expect(result.joules).toBeNull()
    expect(result.uncertaintyJoules).toBeNull()
    return result.why
  }

  test("where samples do not cover the span", () => {
    expect(why(seriesOf(steady), 9.5, 12)).toContain("0.500 s after the span's start")
    expect(why(seriesOf(steady), 12, 20.5)).toContain("0.500 s before the span's end")
    expect(why(seriesOf([]), 0, 1)).toBe("there is no sample")
    expect(why(seriesOf([[0.5, 1]]), 0, 1)).toBe("there is only one sample")
    expect(why(seriesOf(steady), 12, 12)).toBe("the span is empty")
  })

  test("but an edge within one and a half sample periods is extended, at the cost of certainty", () => {
    const inside = energyOver(seriesOf(steady), { startSeconds: 12, endSeconds: 20 })
    const beyond = energyOver(seriesOf(steady), { startSeconds: 12, endSeconds: 20.1 })
    expect(joulesOf(beyond)).toBeCloseTo(81, 6)
    expect(beyond.uncertaintyJoules ?? 0).toBeGreaterThan(inside.uncertaintyJoules ?? 0)
    expect(
      why(
        seriesOf([
          [0, 0],
          [100, 100],
        ]),
        50,
        140,
      ),
    ).toContain("before the span's end")
  })

  test("where the source was lost, but not before that", () => {
    const lost = seriesOf(steady.slice(0, 51), { lostAtSeconds: 15.1, why: "lost" })
    expect(why(lost, 12, 16)).toBe("the source was lost 3.100 s into the span")
    expect(why(lost, 16, 17)).toBe("the source was lost before the span")
    expect(joulesOf(energyOver(lost, { startSeconds: 12, endSeconds: 14 }))).toBeCloseTo(20, 6)
  })

  test("where the counter was reset, but not beside it", () => {
    const reset = seriesOf(steady.map(([time, value]) => [time, time > 15 ? value - 40 : value]))
    expect(why(reset, 14, 16)).toContain("went backwards")
    expect(joulesOf(energyOver(reset, { startSeconds: 12, endSeconds: 14 }))).toBeCloseTo(20, 6)
    const broken = seriesOf(steady, { breaks: [{ fromSeconds: 15, toSeconds: 15.1, why: "the counter was reset" }] })
    expect(why(broken, 15.05, 16)).toBe("the counter was reset")
    expect(joulesOf(energyOver(broken, { startSeconds: 15.1, endSeconds: 16.1 }))).toBeCloseTo(10, 6)
  })

  test("where a measuring counter stands still; a model's may", () => {
    const still = steady.map(([time]): readonly [number, number] => [time, 7])
    expect(why(seriesOf(still), 12, 14)).toBe("the counter did not move")
    const idle = energyOver(seriesOf(still, { quality: "estimated", resolution: 0.08 }), {
      startSeconds: 12,
      endSeconds: 14,
    })
    expect(idle.joules).toBe(0)
    expect(idle.uncertaintyJoules ?? 0).toBeGreaterThan(0)
    expect(
      why(
        seriesOf(
          still.map(([time]) => [time, 0]),
          { kind: "power" },
        ),
        12,
        14,
      ),
    ).toBe("the source showed no power")
  })

  test("where the domain cannot be read", () => {
    expect(why(seriesOf([], { quality: "unavailable", why: "root only" }), 0, 1)).toBe("root only")
  })
})
