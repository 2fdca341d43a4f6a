import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { sharesOf } from "../../src/engines/embedded/PrefillShares.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

describe("the room for prompts in a batch", () => {
  test("goes to a lone prompt whole", () => {
    expect(sharesOf([1000], 512)).toEqual([512])
    expect(sharesOf([100], 512)).toEqual([100])
    expect(sharesOf([], 512)).toEqual([])
    expect(sharesOf([7], 0)).toEqual([0])
  })

  test("lets short prompts pass a long one that came first, which keeps half of it", () => {
    expect(sharesOf([4000, 30, 20], 512)).toEqual([462, 30, 20])
    expect(sharesOf([4000, 200, 100], 512)).toEqual([256, 156, 100])
  })

  test("lets a long prompt that came later wait for what is left", () => {
    expect(sharesOf([30, 4000], 512)).toEqual([30, 482])
    expect(sharesOf([300, 4000, 400], 512)).toEqual([300, 0, 212])
  })

  const Case = Schema.Struct({
    remaining: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))),
    room: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2048 })),
  })
  prop("is used as far as there is use, never beyond, and the oldest always goes on", arbitraryOf(Case), (one) => {
    const shares = sharesOf(one.remaining, one.room)
    const sum = shares.reduce((total, share) => total + share, 0)
    const wanted = one.remaining.reduce((total, left) => total + left, 0)
    expect(sum).toBe(Math.min(one.room, wanted))
    for (const [index, share] of shares.entries()) {
      expect(share).toBeGreaterThanOrEqual(0)
      expect(share).toBeLessThanOrEqual(one.remaining[index] ?? 0)
    }
    const oldest = Math.min(one.remaining[0] ?? 0, Math.ceil(one.room / 2))
    return one.remaining.length === 0 || (shares[0] ?? 0) >= oldest
  })
})
