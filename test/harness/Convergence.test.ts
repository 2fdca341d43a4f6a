import { describe, expect, test } from "bun:test"
import { coefficientOfVariation, settled } from "../../src/harness/Convergence.ts"

const rule = { target: 0.05, windowSize: 3, minPrompts: 5 }

describe("warm-up convergence", () => {
  test("the coefficient of variation is the sample standard deviation over the mean", () => {
    expect(coefficientOfVariation([1, 2, 3])).toBeCloseTo(0.5, 12)
    expect(coefficientOfVariation([4])).toBeNull()
    expect(coefficientOfVariation([0, 0])).toBeNull()
  })

  test("only the last window counts, and only once enough prompts were seen", () => {
    expect(settled([9, 1, 1, 1], rule)).toBe(false)
    expect(settled([9, 5, 1, 1, 1], rule)).toBe(true)
    expect(settled([9, 5, 1, 1, 1.3], rule)).toBe(false)
  })
})
