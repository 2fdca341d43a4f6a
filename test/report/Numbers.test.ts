import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import * as Interval from "../../src/report/Interval.ts"
import * as Numbers from "../../src/report/Numbers.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

describe("numbers", () => {
  test.each([
    [0, "0"],
    [1, "1.00"],
    [0.15321, "0.153"],
    [0.001, "0.00100"],
    [0.00012345, "1.23e-4"],
    [99.96, "100"],
    [9.996, "10.0"],
    [12345.6, "12300"],
    [1e7, "1.00e+7"],
    [-2.5, "-2.50"],
    [Number.NaN, "–"],
    [Number.POSITIVE_INFINITY, "–"],
  ])("%p with three significant digits is %p", (value, text) => {
    expect(Numbers.significant(value)).toBe(text)
  })

  test.each([
    [105.333, 10.04, "105 ± 10"],
    [0.202, 0.002484, "0.2020 ± 0.0025"],
    [10, 123.4, "10 ± 120"],
    [1.23456, 0.0996, "1.23 ± 0.10"],
    [1.23456, 0.999, "1.2 ± 1.0"],
    [0.15, null, "0.1500"],
    [5, 0, "5.000"],
  ])("%p with half width %p is %p", (mean, half, text) => {
    expect(Numbers.plusMinus(mean, half)).toBe(text)
  })

  test.each([
    [0, "0 J"],
    [0.0123, "12.3 mJ"],
    [999.6, "1.00 kJ"],
    [1234567, "1.23 MJ"],
    [-50, "-50.0 J"],
    [3e-12, "0.00300 nJ"],
  ])("%p joules are %p", (value, text) => {
    expect(Numbers.si(value, "J")).toBe(text)
  })

  test.each([
    [0.04, "0 s"],
    [3.25, "3.3 s"],
    [9.96, "10 s"],
    [59.6, "1m 00s"],
    [185, "3m 05s"],
    [3599.7, "1h 00m"],
    [7500, "2h 05m"],
    [273_600, "3d 04h"],
    [-1, "–"],
  ])("%p seconds are %p", (value, text) => {
    expect(Numbers.duration(value)).toBe(text)
  })

  prop(
    "three significant digits are within half a unit of the third",
    arbitraryOf(Schema.Finite.check(Schema.isBetween({ minimum: 1e-9, maximum: 1e12 }))),
    (value) => Math.abs(Number(Numbers.significant(value)) - value) <= 0.005001 * value,
  )
})

describe("intervals", () => {
  // Fisher and Yates' table of t(0.975); the last is the normal quantile.
  test.each([
    [1, 12.706],
    [2, 4.303],
    [30, 2.042],
    [31, 2.0395],
    [40, 2.0211],
    [60, 2.0003],
    [120, 1.9799],
    [1e9, 1.96],
  ])("t for %p degrees of freedom is %p", (degrees, quantile) => {
    expect(Interval.tQuantile(degrees)).toBeCloseTo(quantile, 3)
  })

  test("mean and half width of a known sample", () => {
    // 1, 2, 3, 4: s = 1.2910, t(3) = 3.1824, half width = 3.1824 * 1.2910 / 2.
    const found = Interval.meanInterval([1, 2, 3, 4])
    expect(found?.mean).toBe(2.5)
    expect(found?.halfWidth).toBeCloseTo(2.0542, 4)
  })

  test("one value has no interval, none has no mean", () => {
    expect(Interval.meanInterval([7])).toEqual({ mean: 7, halfWidth: null, count: 1 })
    expect(Interval.meanInterval([])).toBeNull()
  })
})
