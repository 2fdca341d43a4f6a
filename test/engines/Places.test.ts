import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Places from "../../src/engines/Places.ts"
import { places as sglang } from "../../src/engines/sglang/Places.ts"
import { places as tensorrt } from "../../src/engines/tensorrt/Places.ts"
import { places as vllm } from "../../src/engines/vllm/Places.ts"
import { projectRoot } from "../lib/env.ts"

const page = readFileSync(join(projectRoot, "docs/engines.md"), "utf8")

describe("the places of fields", () => {
  for (const [engine, places] of Object.entries({ vllm, sglang, tensorrt }))
    test(`of ${engine} are all on its page`, () => {
      expect(Object.keys(places).filter((field) => !page.includes(`\`${field}\``))).toEqual([])
    })

  test("a field goes where the table says, else under its own name; one that asks for nothing is no problem", () => {
    const places = { "s.a": Places.flag("alpha"), "s.b": Places.body("beta"), "s.c": Places.cannot("no", 1) }
    const sorted = Places.sort({ a: 1, b: 2, c: 3, d: 4 }, "s", places, "file")
    expect(sorted).toEqual({
      flags: [{ field: "s.a", name: "alpha", value: 1 }],
      body: [{ field: "s.b", name: "beta", value: 2 }],
      file: [{ field: "s.d", name: "d", value: 4 }],
      refused: [{ field: "s.c", message: "no" }],
    })
    expect(Places.sort({ c: 1 }, "s", places, "file").refused).toEqual([])
  })
})
