import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import * as Prompts from "../../src/workload/Prompts.ts"
import * as Random from "../../src/workload/Random.ts"
import * as Rows from "../../src/workload/Rows.ts"
import { safeRange } from "../../src/workload/Vocabulary.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

type Settings = Parameters<typeof Prompts.build>[0]

const settings: Settings = {
  dataset: { n: 6, input_len: 12, output_len: 5, seed: 42 },
  dataset_order: "interleaved",
  random_seed: 1,
  n: 6,
  max_input_tokens: 20,
  max_output_tokens: 9,
}
const vocabulary = { size: 1000, specialIds: [500, 501, 502] }
const synthetic: Prompts.Source = { kind: "synthetic" }

const built = (
  change: Partial<Settings>,
  source: Prompts.Source = synthetic,
  known: typeof vocabulary | null = vocabulary,
) => Result.getOrThrow(Prompts.build({ ...settings, ...change }, source, known))

const rows = (...texts: ReadonlyArray<string>): Prompts.Source => ({
  kind: "rows",
  file: "p.jsonl",
  rows: texts.map((text) => ({ text, source: text.slice(0, 1) })),
})

describe("synthetic prompts", () => {
  const shapes = arbitraryOf(
    Schema.Struct({
      n: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })),
      input: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })),
      output: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })),
      seed: Schema.Int,
      size: Schema.Int.check(Schema.isBetween({ minimum: 32, maximum: 200_000 })),
      order: Schema.Literals(["interleaved", "grouped", "shuffled"]),
    }),
  )
  prop("exact lengths, ordinary ids only, ids from 0, the same again for the same seed", shapes, (shape) => {
    const { n, input, output, seed, size, order } = shape
    const { first, end } = safeRange({ size, specialIds: [] })
    const change: Partial<Settings> = {
      n,
      dataset: { n, input_len: input, output_len: output, seed },
      dataset_order: order,
    }
    const known = { size, specialIds: [first] }
    const { requests, warnings } = built(change, synthetic, known)
    expect(requests.map((request) => request.id)).toEqual(Array.from({ length: n }, (_, id) => id))
    for (const { prompt, maxOutputTokens } of requests) {
      expect(prompt).toHaveLength(input)
      expect(maxOutputTokens).toBe(output)
      if (typeof prompt === "string") return false
      for (const id of prompt) if (id <= first || id >= end) return false
    }
    expect(built(change, synthetic, known).requests).toEqual(requests)
    return warnings.length === 0
  })

  test("prompts differ from each other and with the seed; a larger n begins with the same ones", () => {
    const texts = (change: Partial<Settings>) => built(change).requests.map((request) => JSON.stringify(request.prompt))
    const six = texts({})
    expect(new Set(six).size).toBe(6)
    expect(texts({ n: 9 }).slice(0, 6)).toEqual(six)
    expect(texts({ dataset: { n: 6, input_len: 12, output_len: 5, seed: 43 } })).not.toEqual(six)
    expect(texts({ dataset_order: "shuffled" }).toSorted()).toEqual(six.toSorted())
  })

  test("without a vocabulary exact lengths are a problem, said with its field", () => {
    const found = Prompts.build(settings, synthetic, null)
    expect(Result.isFailure(found) && found.failure.field).toBe("dataset.input_len")
  })
})

describe("the stand-in of a named set", () => {
  const source: Prompts.Source = { kind: "generated", insteadOf: "aienergyscore" }

  test("exactly max_input_tokens ids, max_output_tokens, and a notice", () => {
    const { requests, warnings } = built({ dataset: "aienergyscore" }, source)
    expect(requests).toHaveLength(6)
    expect(requests.every((request) => request.prompt.length === 20 && request.maxOutputTokens === 9)).toBe(true)
    expect(warnings.map((warning) => warning.code)).toEqual(["dataset_substituted"])
    expect(warnings[0]?.message).toContain("exactly 20 tokens")
  })

  test("text of so many words where the vocabulary is not known, and the notice says about", () => {
    const { requests, warnings } = built({ dataset: "aienergyscore" }, source, null)
    for (const { prompt } of requests) expect(String(prompt).split(" ")).toHaveLength(20)
    expect(warnings[0]?.message).toContain("about 20 tokens")
  })
})

describe("rows of a file", () => {
  const prompts = (change: Partial<Settings>) =>
    built({ dataset: "p.jsonl", ...change }, rows("a1", "b1", "a2", "c1", "b2", "a3")).requests.map(
      ({ prompt }) => prompt,
    )

  test("interleaved is the file's order, grouped goes by source, shuffled is a permutation by the seed", () => {
    expect(prompts({})).toEqual(["a1", "b1", "a2", "c1", "b2", "a3"])
    expect(prompts({ dataset_order: "grouped" })).toEqual(["a1", "a2", "a3", "b1", "b2", "c1"])
    const shuffled = prompts({ dataset_order: "shuffled" })
    expect(shuffled).not.toEqual(prompts({}))
    expect(shuffled.map(String).toSorted()).toEqual(["a1", "a2", "a3", "b1", "b2", "c1"])
    expect(prompts({ dataset_order: "shuffled", random_seed: 2 })).not.toEqual(shuffled)
  })

  test("every order takes the same first n", () => {
    expect(prompts({ n: 3, dataset_order: "grouped" })).toEqual(["a1", "a2", "b1"])
    expect(prompts({ n: 3, dataset_order: "shuffled" }).map(String).toSorted()).toEqual(["a1", "a2", "b1"])
  })

  test("fewer rows than requests are repeated, with a notice; none are a problem", () => {
    const { requests, warnings } = built({ dataset: "p.jsonl", n: 5 }, rows("x", "y"))
    expect(requests.map(({ prompt }) => prompt)).toEqual(["x", "y", "x", "y", "x"])
    expect(warnings.map((warning) => warning.code)).toEqual(["dataset_repeated"])
    expect(Result.isFailure(Prompts.build(settings, rows(), vocabulary))).toBe(true)
  })
})

describe("a line of a file", () => {
  test("prompt or text, and nothing for an empty line", () => {
    expect(Rows.decode("f", 1, '{"prompt": "p", "source": "s"}')).toEqual(Result.succeed({ text: "p", source: "s" }))
    expect(Rows.decode("f", 1, '{"text": "t"}')).toEqual(Result.succeed({ text: "t", source: null }))
    expect(Rows.decode("f", 1, "  ")).toEqual(Result.succeed(null))
  })

  const bad: ReadonlyArray<[string, string | null, RegExp]> = [
    ["{oops", null, /not JSON: "\{oops"/],
    ["[1]", null, /an object is expected, found \[1\]/],
    ["null", null, /an object is expected, found null/],
    ['{"promt": "x"}', "prompt", /neither "prompt" nor "text" in/],
    ['{"prompt": 3}', "prompt", /"prompt" must be a non-empty string, found 3/],
    ['{"text": ""}', "text", /"text" must be a non-empty string, found ""/],
    ['{"text": "a", "source": 1}', "source", /"source" must be a string, found 1/],
  ]
  for (const [line, field, message] of bad)
    test(`${line} names file, line, field and what was found`, () => {
      const found = Rows.decode("dir/p.jsonl", 17, line)
      if (Result.isSuccess(found)) return expect.unreachable()
      expect(found.failure).toMatchObject({ file: "dir/p.jsonl", row: 17, field })
      expect(found.failure.message).toStartWith("dir/p.jsonl, line 17: ")
      expect(found.failure.message).toMatch(message)
    })
})

describe("random numbers", () => {
  test("the stream of a seed never changes, so that recorded studies can be repeated", () => {
    const random = Random.make(42, 1)
    expect(Array.from({ length: 5 }, () => random.below(1000))).toEqual([457, 121, 544, 191, 636])
  })

  test("each number below the bound comes about equally often", () => {
    const random = Random.make(7)
    const counts = new Array<number>(6).fill(0)
    for (let draw = 0; draw < 60_000; draw += 1) {
      const number = random.below(6)
      counts[number] = (counts[number] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600)
  })
})
