import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import * as StopText from "../../src/engines/embedded/StopText.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

/** Feeds pieces until a stop text ends them; what was held back comes out at the end. */
const run = (stops: ReadonlyArray<string>, pieces: ReadonlyArray<string>) => {
  let out = ""
  let held = ""
  for (const piece of pieces) {
    const step = StopText.feed(stops, held, piece)
    out += step.text
    held = step.held
    if (step.stopped) return { text: out, stopped: true }
  }
  return { text: out + held, stopped: false }
}

describe("stop texts", () => {
  test("end the text before themselves, also over several pieces", () => {
    expect(run(["END"], ["abc", "E", "N", "Dxyz"])).toEqual({ text: "abc", stopped: true })
    expect(run(["\n\n"], ["one\n", "\ntwo"])).toEqual({ text: "one", stopped: true })
    expect(run(["END"], ["abcEND"])).toEqual({ text: "abc", stopped: true })
  })

  test("text that turns out to be no beginning of one goes out", () => {
    expect(StopText.feed(["END"], "", "abEN")).toEqual({ text: "ab", held: "EN", stopped: false })
    expect(StopText.feed(["END"], "EN", "E")).toEqual({ text: "EN", held: "E", stopped: false })
    expect(run(["END"], ["abEN"])).toEqual({ text: "abEN", stopped: false })
    expect(StopText.feed(["aab"], "aa", "ab")).toEqual({ text: "a", held: "", stopped: true })
  })

  test("the one that is complete first counts, of two that end together the longer one", () => {
    expect(run(["abc", "b"], ["abc"])).toEqual({ text: "a", stopped: true })
    expect(run(["b", "ab"], ["xab"])).toEqual({ text: "x", stopped: true })
  })

  const letters = Schema.Array(Schema.Literals(["a", "b"])).check(Schema.isMaxLength(12))
  const cases = Schema.Struct({
    stops: Schema.Array(letters.check(Schema.isMinLength(1), Schema.isMaxLength(4))).check(Schema.isMaxLength(3)),
    pieces: Schema.Array(letters).check(Schema.isMaxLength(8)),
  })

  prop(
    "what comes out does not depend on how the text is cut, and never holds a stop text",
    arbitraryOf(cases),
    (one) => {
      const stops = one.stops.map((letter) => letter.join(""))
      const pieces = one.pieces.map((letter) => letter.join(""))
      const text = pieces.join("")
      const cut = run(stops, pieces)
      expect(cut).toEqual(run(stops, [text]))
      expect(cut).toEqual(run(stops, [...text]))
      expect(text.startsWith(cut.text)).toBe(true)
      expect(cut.stopped).toBe(stops.some((stop) => text.includes(stop)))
      if (!cut.stopped) expect(cut.text).toBe(text)
      else expect(stops.some((stop) => cut.text.includes(stop))).toBe(false)
      return true
    },
    500,
  )
})
