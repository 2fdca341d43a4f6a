import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import { stringify } from "yaml"
import * as Source from "../../src/config/Source.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { documentOf, problems, read, told } from "./reading.ts"

const bytes = (...parts: ReadonlyArray<string | number>) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...new TextEncoder().encode(part)])))

describe("bytes", () => {
  test("an empty file, blanks only, comments only", () => {
    for (const text of ["", "  \n\n"]) expect(problems(read(text))).toMatchObject([{ message: "the file is empty" }])
    expect(told(read("# nothing yet\n"))).toEqual(["study.yaml:1:1 a configuration is a mapping of fields to values"])
  })

  test("bytes that are not UTF-8, at their place", () => {
    expect(told(read(bytes("model: é\nname: ", 0xff, "\n")))).toEqual(["study.yaml:2:7 the file is not UTF-8 text"])
    expect(told(read(bytes(0xff, 0xfe, "m", 0)))).toEqual(["study.yaml:1:1 the file is not UTF-8 text"])
    // A replacement character that was really written is not the place.
    expect(told(read(bytes("a: \uFFFD\nb: ", 0xc3, 0x28)))).toEqual(["study.yaml:2:4 the file is not UTF-8 text"])
  })

  test("a file of a size that no person writes is not parsed", () => {
    const said = told(read(new Uint8Array(Source.maximumBytes + 1).fill(0x20)))[0]
    expect(said).toContain(`${Source.maximumBytes + 1} bytes`)
    expect(said).toContain(String(Source.maximumBytes))
  })

  test("a byte order mark and Windows line ends shift no place", () => {
    expect(documentOf("\uFEFFmodel: m\n").value).toEqual({ model: "m" })
    const document = documentOf("\uFEFFmodel: m\r\nn: 3\r\n")
    expect(document.value).toEqual({ model: "m", n: 3 })
    expect(document.valueAt(["n"])).toEqual({ file: "study.yaml", line: 2, column: 4, sourceLine: "n: 3" })
    expect(document.keyAt(["model"])).toMatchObject({ line: 1, column: 1, sourceLine: "model: m" })
  })
})

describe("syntax", () => {
  for (const [what, text, said] of [
    [
      "a duplicate key",
      "model: a\nwarmup: {n_warmup: 1, n_warmup: 2}\n",
      "2:23 this key stands twice in the same mapping",
    ],
    ["a tab", "decoder:\n\ttop_k: 1\n", "2:1 Tabs are not allowed as indentation"],
    ["two documents", "model: a\n---\nmodel: b\n", "2:1 a configuration is one YAML document"],
    ["a list", "- model: a\n", "1:1 a configuration is a mapping of fields to values"],
    ["a word", "hello\n", "1:1 a configuration is a mapping of fields to values"],
    ["a key that is a list", "model: a\n? [x]\n: 1\n", "2:3 a key must be a word"],
    ["an alias without anchor", "model: *m\n", "1:8 model the alias *m has no anchor"],
    ["an alias of itself", "decoder: &d {a: *d}\n", "1:17 decoder.a.a the alias *d contains itself"],
    ["a merge of a word", "decoder: {<<: x}\n", "1:15 decoder a merge key (<<) takes a mapping or a list of mappings"],
    [
      "a tag of another language",
      "model: !!python/object:os x\n",
      "1:8 the tag tag:yaml.org,2002:python/object:os is not known here; write the plain value",
    ],
  ] as const)
    test(what, () => expect(told(read(text))).toEqual([`study.yaml:${said}`]))

  test("every error of a file is told, echoes of one are not", () => {
    expect(told(read("a: 1\na: 2\nb: 1\nb: 2\n"))).toHaveLength(2)
    expect(told(read(`a: ${"[".repeat(5000)}\n`)).length).toBeLessThanOrEqual(20)
  })
})

describe("documents that are traps", () => {
  test("aliases that unfold without end", () => {
    const lines = Array.from({ length: 12 }, (_, level) => {
      const inner = level === 0 ? "x" : `*a${level - 1}`
      return `a${level}: &a${level} [${Array(10).fill(inner).join(", ")}]`
    })
    expect(told(read(lines.join("\n")))).toEqual(["study.yaml:1:1 its aliases unfold into too many values"])
  })

  test("nesting beyond what the reader, or the parser, can follow", () => {
    for (const depth of [100, 2000, 200_000])
      for (const text of [
        `a: ${"[".repeat(depth)}${"]".repeat(depth)}\n`,
        `a: ${"{b: ".repeat(depth)}1${"}".repeat(depth)}\n`,
      ])
        expect(told(read(text))[0]).toContain("it nests too deeply; a configuration may have 64 levels")
  })

  test("names that every object has are plain keys", () => {
    const { value } = documentOf("__proto__: {n: 1}\nconstructor: 2\ntoString: 3\n")
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "toString"])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })
})

describe("anchors and merge keys", () => {
  const text = [
    "base: &base",
    "  top_k: 1",
    "  top_p: 0.5",
    "decoder:",
    "  top_k: 7",
    "  <<: *base",
    "other: *base",
  ].join("\n")

  test("a mapping's own keys win over merged ones, wherever the merge stands", () => {
    expect(documentOf(text).value["decoder"]).toEqual({ top_k: 7, top_p: 0.5 })
    expect(documentOf(text).value["other"]).toEqual({ top_k: 1, top_p: 0.5 })
  })

  test("a value is placed where it was written: its own line, the anchor's, or the alias", () => {
    const document = documentOf(text)
    expect(document.valueAt(["decoder", "top_k"])).toMatchObject({ line: 5, column: 10 })
    expect(document.valueAt(["decoder", "top_p"])).toMatchObject({ line: 3, column: 10 })
    expect(document.valueAt(["other"])).toMatchObject({ line: 7, column: 8 })
    expect(document.keyAt(["other", "top_p"])).toMatchObject({ line: 3, column: 3 })
  })

  test("of several merged mappings the first wins", () => {
    const merged = documentOf("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n")
    expect(merged.value["c"]).toEqual({ x: 1, y: 2 })
    expect(merged.valueAt(["c", "x"])).toMatchObject({ line: 1, column: 11 })
  })

  test("a quoted << is a key like any other", () => {
    expect(documentOf('"<<": {x: 1}\n').value).toEqual({ "<<": { x: 1 } })
  })
})

test("a path that does not exist is placed at what surrounds it", () => {
  const document = documentOf("model: m\ndecoder:\n  top_k: 1\n")
  expect(document.valueAt(["decoder", "top_p"])).toMatchObject({ line: 3, column: 3 })
  expect(document.valueAt(["nothing"])).toMatchObject({ line: 1, column: 1 })
})

const Name = Schema.Literals(["model", "n", "warmup", "a key", "é", "0"])
const Leaf = Schema.Union([Schema.String, Schema.Int, Schema.Boolean, Schema.Null])
const Tree = Schema.Record(Name, Schema.Union([Leaf, Schema.Array(Leaf), Schema.Record(Name, Leaf)]))

prop("any mapping that YAML can write is read back the same", arbitraryOf(Tree), (tree) => {
  const text = stringify(tree)
  if (Object.keys(tree).length === 0) return true
  const document = Result.getOrThrow(read(text))
  // -0 is written as such and is 0 to everyone else.
  expect(JSON.stringify(document.value)).toBe(JSON.stringify(tree))
  return true
})
