import { describe, expect, test } from "bun:test"
import { placesFor, relocate } from "../../src/config/Relocate.ts"

describe("files that are taken along", () => {
  test("keep their path below the study's folder; others get a place of their own", () => {
    expect([...placesFor(["m/a.gguf", "./b.jsonl", "/data/a.gguf", "../a.gguf", "x/../../a.gguf"])]).toEqual([
      ["m/a.gguf", "m/a.gguf"],
      ["./b.jsonl", "b.jsonl"],
      ["/data/a.gguf", "files/a.gguf"],
      ["../a.gguf", "files/2-a.gguf"],
      ["x/../../a.gguf", "files/3-a.gguf"],
    ])
  })

  test("are named in the study where they were; nothing else of its text changes its meaning", () => {
    const text = `# a study
name: /data/a.gguf is no path here
model: /data/a.gguf   # weights
sweep:
  model: [/data/a.gguf, m/b.gguf]
`
    const moved = relocate(text, placesFor(["/data/a.gguf", "m/b.gguf"]))
    expect(moved).toContain("# a study")
    expect(moved).toContain("name: /data/a.gguf is no path here")
    expect(moved).toContain("model: files/a.gguf # weights")
    expect(moved).toContain("files/a.gguf, m/b.gguf")
  })

  test("a study all of whose files stay keeps its text to the byte", () => {
    const text = "model:   m/a.gguf\ndataset: ./p.jsonl\n"
    expect(relocate(text, placesFor(["m/a.gguf", "./p.jsonl"]))).toBe(text)
  })
})
