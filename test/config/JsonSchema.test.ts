import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Predicate, Result, Schema } from "effect"
import { parse } from "yaml"
import * as Decode from "../../src/config/Decode.ts"
import * as Document from "../../src/config/Document.ts"
import * as Expand from "../../src/config/Expand.ts"
import { resolver } from "../../src/config/Experiments.ts"
import * as JsonSchema from "../../src/config/JsonSchema.ts"
import { Experiment } from "../../src/domain/Experiment.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { projectRoot } from "../lib/env.ts"

const validator = (subject: JsonSchema.Subject) =>
  new Ajv2020({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true }).compile(
    JsonSchema.document(subject),
  )
const folder = join(projectRoot, "examples")
const examples = readdirSync(folder).filter((name) => name.endsWith(".yaml"))
const study = validator("study")
const experiment = validator("experiment")

const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((inner, key) => (Predicate.isObject(inner) ? inner[key] : undefined), value)
const field = (subject: JsonSchema.Subject, ...path: ReadonlyArray<string>) =>
  at(JsonSchema.document(subject), ...path.flatMap((name) => ["properties", name]))

describe("examples", () => {
  const counts: Readonly<Record<string, number>> = {
    "quickstart.yaml": 2,
    "two-models.yaml": 4,
    "single.yaml": 1,
    "sweep.yaml": 45,
  }

  test("are all counted here", () => expect(examples.toSorted()).toEqual(Object.keys(counts).toSorted()))

  for (const name of examples) {
    const text = readFileSync(join(folder, name), "utf8")

    test(`${name} is valid by the schema, and so is no misspelling of it`, () => {
      const valid = name === "single.yaml" ? experiment : study
      const file: unknown = parse(text)
      expect([valid(file), valid.errors]).toEqual([true, null])
      if (!Predicate.isObject(file)) throw new Error("an example is a mapping")
      for (const key of Object.keys(file))
        expect(valid({ ...file, [key]: undefined, [`${key}_`]: file[key] })).toBe(false)
    })

    test(`${name} decodes and expands as its comments say, nothing skipped`, () => {
      const document = Result.getOrThrow(Document.parse({ path: name, text }))
      const spec = Result.getOrThrow(Decode.decode({ documents: [document], overrides: [], defaultName: name }))
      const resolve = resolver()
      const { experiments, skipped, notices } = Result.getOrThrow(
        Expand.collect(spec.material, (raw) => Result.mapError(resolve(raw), (found) => JSON.stringify(found))),
      )
      expect(experiments).toHaveLength(counts[name] ?? 0)
      expect([skipped, notices]).toEqual([[], []])
    })
  }
})

describe("what the decoder refuses, the schema refuses", () => {
  const broken: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ["an unknown field", { precison: "fp16" }],
    ["an unknown nested field", { warmup: { n_warmups: 3 } }],
    ["a value out of range", { decoder: { temperature: 3 } }],
    ["a value of another type", { n: "many" }],
    ["a fraction for a whole number", { n: 1.5 }],
    ["a backend that does not exist", { backend: "vlm" }],
    ["an order that does not exist", { execution: { cycle_order: "random" } }],
    ["groups that are no lists", { groups: { a: {} } }],
  ]
  for (const [what, fields] of broken)
    test(what, () => {
      const file = { model: "m", sweep: { n: [1, 2] }, ...fields }
      expect(study(file)).toBe(false)
      const document = Result.getOrThrow(Document.parse({ path: "x.yaml", text: JSON.stringify(file) }))
      expect(Result.isFailure(Decode.decode({ documents: [document], overrides: [], defaultName: "x" }))).toBe(true)
    })

  test("an experiment needs a model; a study may sweep it", () => {
    expect(experiment({ n: 1 })).toBe(false)
    expect(experiment({ base: "other.yaml", n: 1 })).toBe(true)
    expect(study({ sweep: { model: ["a", "b"] } })).toBe(true)
  })

  test("engine sections take keys that llem does not know", () => {
    expect(experiment({ model: "m", vllm: { engine: { some_new_option: 1 } } })).toBe(true)
  })
})

describe("meanings", () => {
  test("a default is the one that an experiment gets", () => {
    expect(field("experiment", "warmup", "thermal_floor_seconds")).toMatchObject({ type: "number", default: 60 })
    expect(field("study", "decoder", "top_k")).toMatchObject({ default: 50 })
    expect(field("study", "precision")).not.toHaveProperty("default")
  })

  for (const subject of ["study", "experiment"] as const)
    test(`every field of the ${subject} file has a description`, () => {
      const bare = (schema: unknown, path: string): ReadonlyArray<string> => {
        const fields = at(schema, "properties")
        if (!Predicate.isObject(fields)) return []
        return Object.entries(fields).flatMap(([name, inner]) => [
          ...(typeof at(inner, "description") === "string" ? [] : [`${path}${name}`]),
          ...bare(inner, `${path}${name}.`),
        ])
      }
      expect(bare(JsonSchema.document(subject), "")).toEqual([])
    })
})

describe("documents", () => {
  for (const subject of JsonSchema.subjects)
    test(`${subject} is draft 2020-12 with an id of its own`, () => {
      expect(JsonSchema.document(subject)).toMatchObject({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        $id: `urn:llem:schema:${subject}`,
      })
      expect(validator(subject)({})).toBe(false)
    })
})

const plan = validator("plan")
const timeouts = { launch_seconds: 1, warmup_seconds: 1, window_seconds: 1, silence_seconds: 1 }
const planOf = (config: unknown) => ({
  schema: "llem.plan/1",
  study: { name: "s", kind: "experiment", hash: "0" },
  counts: { experiments: 1, cycles: 1, cells: 1, skipped: 0 },
  runners: {},
  notices: [],
  preflight: { ready: true, findings: [] },
  cells: [{ index: 1, cycle: 1, hash: "0", backend: "vllm", config, timeout_seconds: 1, timeouts, skip: null }],
  skipped: [],
})

prop("the plan's schema takes every resolved experiment", arbitraryOf(Experiment), (one) =>
  plan(planOf(JSON.parse(JSON.stringify(Schema.encodeSync(Experiment)(one))))),
)

test("the plan's schema takes no experiment that is not resolved", () => {
  expect(plan(planOf({ model: "m" }))).toBe(false)
})
