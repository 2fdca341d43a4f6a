import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { printable, type Style, textWidth, wrap } from "../../src/report/Style.ts"
import * as Table from "../../src/report/Table.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const style = (width: number): Style => ({ width, color: false, unicode: true })
const columns: ReadonlyArray<Table.Column> = [
  { header: "name", align: "left", least: 4 },
  { header: "a", align: "right", dispensable: 2 },
  { header: "b", align: "right", dispensable: 1 },
]
const row = (...texts: ReadonlyArray<string>): ReadonlyArray<Table.Cell> => texts.map((text) => ({ text }))

describe("table", () => {
  test("wide characters and combining marks keep the columns straight", () => {
    const { lines } = Table.render(columns, [row("漢字", "1", "2"), row("e\u0301", "10", "20")], style(80))
    expect(lines).toEqual(["name   a   b", "────────────", "漢字   1   2", "e\u0301     10  20", "────────────"])
  })

  test("text is shortened first, then columns go, the most dispensable first", () => {
    const rows = [row("abcdefgh", "11111", "22222")]
    expect(Table.render(columns, rows, style(20)).lines[2]).toBe("abcde…  11111  22222")
    const narrow = Table.render(columns, rows, style(14))
    expect([narrow.lines[2], narrow.leftOut]).toEqual(["abcdef…  22222", ["a"]])
    const narrowest = Table.render(columns, rows, style(5))
    expect([narrowest.lines[2], narrowest.leftOut]).toEqual(["abcd…", ["a", "b"]])
  })

  prop(
    "no line is wider than asked for as long as columns may give way",
    arbitraryOf(
      Schema.Struct({
        width: Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 60 })),
        texts: Schema.Array(Schema.Tuple([Schema.String, Schema.String, Schema.String])),
      }),
    ),
    ({ width, texts }) =>
      Table.render(
        columns,
        texts.map((cells) => row(...cells.map(printable))),
        style(width),
      ).lines.every((line) => textWidth(line) <= width),
  )

  prop(
    "printable text has no control characters",
    arbitraryOf(Schema.String),
    (text) => !/\p{Cc}/u.test(printable(text)),
  )

  test("wrapping keeps every word and indents what follows", () => {
    expect(wrap("one two three four", 9, "  ")).toEqual(["one two", "  three", "  four"])
    expect(wrap("averyveryverylongword x", 5)).toEqual(["averyveryverylongword", "x"])
  })
})
