import { describe, expect, test } from "bun:test"
import { compare, type Greedy, parting } from "./nearTie.ts"

const answer = (second: number, top: Readonly<Record<string, number>>): Greedy => ({
  tokens: [1, second],
  names: ["a", String(second)],
  logprobs: [-0.5, -1],
  top: [new Map([["a", -0.5]]), new Map(Object.entries(top))],
})

describe("comparing greedy answers", () => {
  const reference = answer(2, { "2": -1, "3": -1.04, "4": -1.5 })

  test("a difference is as large as the reference's gap between the two tokens", () => {
    expect(parting(reference, answer(2, {}))).toBeNull()
    expect(parting(reference, answer(3, {}))?.gap).toBeCloseTo(0.04)
    expect(parting(reference, answer(9, {}))).toEqual({ at: 1, gap: Number.POSITIVE_INFINITY })
    expect(parting(reference, { ...answer(2, {}), tokens: [1] })?.gap).toBe(Number.POSITIVE_INFINITY)
  })

  test("near ties pass, and nothing else", () => {
    const compared = compare(
      "made up",
      [reference, reference, reference],
      [2, 3, 4].map((one) => answer(one, {})),
    )
    expect(compared).toMatchObject({ same: 1, drift: 0 })
    expect(compared.far).toEqual(["made up: answer 2 parts at token 2 with a gap of 0.5000"])
  })
})
