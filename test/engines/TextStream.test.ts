import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { TextStream } from "../../src/engines/embedded/TextStream.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

/** A vocabulary of the 256 bytes: the hardest case for characters that span tokens. */
const detokenize = (tokens: ReadonlyArray<number>): string => new TextDecoder().decode(Uint8Array.from(tokens))

const pieces = (bytes: Iterable<number>): ReadonlyArray<string> => {
  const stream = new TextStream(detokenize)
  return [...[...bytes].map((byte) => stream.push(byte)), stream.end()]
}

describe("text of a token stream", () => {
  prop(
    "split at every byte it is the text itself, and no piece has half a character",
    arbitraryOf(Schema.String),
    (text) => {
      const whole = text.toWellFormed().replaceAll("\uFEFF", "")
      const parts = pieces(new TextEncoder().encode(whole))
      return parts.join("") === whole && parts.every((part) => part.isWellFormed())
    },
  )

  test("a character of four bytes comes with its last one", () => {
    expect(pieces(new TextEncoder().encode("a😀b"))).toEqual(["a", "", "", "", "😀", "b", ""])
  })

  test("bytes that never become a character are not held back for ever", () => {
    expect(pieces([0xf0, 0x9f, 0x41, 0x42])).toEqual(["", "", "\uFFFDA", "B", ""])
    expect(pieces([0xf0, 0x9f]).join("")).toBe("\uFFFD")
    expect(
      pieces(Array.from({ length: 40 }, () => 0x80))
        .slice(0, 20)
        .join("").length,
    ).toBeGreaterThan(0)
  })
})
