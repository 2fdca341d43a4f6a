import { describe, expect, test } from "bun:test"
import { place, shared } from "../../src/engines/embedded/PrefixCache.ts"

const free = (...lists: ReadonlyArray<ReadonlyArray<number>>) => lists.map((tokens, sequence) => ({ sequence, tokens }))
const prompt = (...tokens: ReadonlyArray<number>) => Uint32Array.from(tokens)

describe("what two prompts have in common", () => {
  test("is their beginning", () => {
    expect(shared([1, 2, 3], [1, 2, 4])).toBe(2)
    expect(shared([1, 2], [1, 2, 3])).toBe(2)
    expect(shared([2, 1], [1, 2])).toBe(0)
    expect(shared([], [1])).toBe(0)
  })
})

describe("the sequence for a prompt", () => {
  test("is the one that has most of it", () => {
    expect(place(free([1, 9], [1, 2, 3, 8], [1, 2]), prompt(1, 2, 3, 4))).toEqual({ sequence: 1, kept: 3 })
  })

  test("never has all of it: its last token's logits are wanted", () => {
    expect(place(free([1, 2, 3, 4, 5]), prompt(1, 2, 3))).toEqual({ sequence: 0, kept: 2 })
    expect(place(free([1]), prompt(1))).toEqual({ sequence: 0, kept: 0 })
  })

  test("loses as little as possible where nothing, or the same, is shared", () => {
    expect(place(free([5, 6, 7], [], [8]), prompt(1, 2))).toEqual({ sequence: 1, kept: 0 })
    expect(place(free([1, 5, 6], [1, 7]), prompt(1, 2))).toEqual({ sequence: 1, kept: 1 })
  })

  test("is none where none is free", () => {
    expect(place([], prompt(1))).toBeNull()
  })
})
