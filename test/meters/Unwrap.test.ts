import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { unwrap } from "../../src/meters/Unwrap.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const range = { wrapsAt: 65_532_610_987, maxPerSecond: 5000e6 }
const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Walk = Schema.Struct({
  start: int(0, 65_532_610_986),
  // Up to 500 W and up to 2 s apart, so that long walks wrap.
  steps: Schema.Array(Schema.Struct({ watts: int(0, 500), milliseconds: int(1, 2000) })),
})

describe("unwrap", () => {
  prop("gives back a counter of which only the remainder was seen", arbitraryOf(Walk), ({ start, steps }) => {
    const times = [0]
    const truth = [start]
    // Each step stands for a stretch long enough that walks wrap now and then.
    for (const step of steps)
      for (let repeat = 0; repeat < 50; repeat++) {
        times.push((times[times.length - 1] ?? 0) + step.milliseconds / 1000)
        truth.push((truth[truth.length - 1] ?? 0) + step.watts * step.milliseconds * 1000)
      }
    const seen = Float64Array.from(truth, (value) => value % range.wrapsAt)
    const { values, breaks } = unwrap(Float64Array.from(times), seen, range)
    expect(breaks).toEqual([])
    expect([...values].map((value) => value - start)).toEqual(truth.map((value) => value - start))
  })

  test("tells a wrap from a reset by how fast the counter would have to be", () => {
    const times = Float64Array.of(0, 0.1, 0.2)
    const wrap = unwrap(times, Float64Array.of(range.wrapsAt - 5e6, range.wrapsAt - 1e6, 3e6), range)
    expect(wrap.breaks).toEqual([])
    expect(wrap.values[2]).toBe(range.wrapsAt + 3e6)
    const reset = unwrap(times, Float64Array.of(30_000e6, 30_010e6, 3e6), range)
    expect(reset.breaks).toEqual([{ fromSeconds: 0.1, toSeconds: 0.2, why: "the counter was reset" }])
  })

  test("a counter that does not wrap can only be reset", () => {
    const { breaks } = unwrap(Float64Array.of(0, 1), Float64Array.of(10, 9), { wrapsAt: null, maxPerSecond: 1e12 })
    expect(breaks).toHaveLength(1)
  })

  test("a gap in which it may have gone round is a break, whatever it shows", () => {
    const { breaks } = unwrap(Float64Array.of(0, 1, 30, 31), Float64Array.of(0, 1e6, 9e6, 10e6), range)
    expect(breaks.map((gap) => [gap.fromSeconds, gap.toSeconds])).toEqual([[1, 30]])
  })
})
