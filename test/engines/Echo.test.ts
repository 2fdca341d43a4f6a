import { describe, expect, test } from "bun:test"
import { echoed } from "../../src/engines/embedded/Echo.ts"

const texts = ["<s>", " Hello", " you", "!"]
const detokenize = (tokens: ReadonlyArray<number>) => tokens.map((token) => texts[token] ?? "?").join("")

describe("a prompt that is said again", () => {
  test("is a text as it came; a token that only begins the sequence has no place in it", () => {
    const all = Uint32Array.of(0, 1, 2, 3)
    expect(echoed("Hello you!", all, detokenize)).toEqual({ text: "Hello you!", offsets: [0, 0, 5, 9] })
    expect(echoed(" Hello you!", all.subarray(1), detokenize)).toEqual({ text: " Hello you!", offsets: [0, 6, 10] })
  })

  test("is what token ids are written out as", () => {
    expect(echoed([0, 1], Uint32Array.of(0, 1), detokenize)).toEqual({ text: "<s> Hello", offsets: [0, 3] })
  })
})
