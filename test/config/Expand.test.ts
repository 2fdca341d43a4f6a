import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import * as Expand from "../../src/config/Expand.ts"
import { resolver } from "../../src/config/Experiments.ts"
import type { RawConfig, SweepMaterial } from "../../src/domain/Study.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const resolve = () => {
  const resolveRaw = resolver()
  return (raw: RawConfig) =>
    Result.mapError(resolveRaw(raw), (findings) =>
      findings.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
    )
}

const axes = (sweep: Readonly<Record<string, ReadonlyArray<unknown>>>): SweepMaterial["axes"] =>
  Object.entries(sweep).map(([path, values]) => ({ path, values }))

const material = (
  fixed: RawConfig,
  sweep: Readonly<Record<string, ReadonlyArray<unknown>>> | null,
  rest: Partial<Pick<SweepMaterial, "groups" | "explicit">> = {},
): SweepMaterial => ({
  fixed,
  axes: axes(sweep ?? {}),
  groups: rest.groups ?? [],
  explicit: rest.explicit ?? [],
  hasSweep: sweep !== null,
})

const all = (study: SweepMaterial) => [...Expand.expand(study, resolve())]
const valid = (study: SweepMaterial) => all(study).flatMap((one) => (one.kind === "experiment" ? [one.experiment] : []))
const reasons = (study: SweepMaterial) => all(study).flatMap((one) => (one.kind === "skipped" ? [one.reason] : []))

describe("order and shape of the product", () => {
  test("the last axis is the fastest and nested fields keep their neighbours", () => {
    const study = material({ model: "m", decoder: { top_k: 7 } }, { "decoder.temperature": [0, 1], n: [1, 2] })
    expect(valid(study).map(({ n, decoder }) => [decoder.temperature, n, decoder.top_k])).toEqual([
      [0, 1, 7],
      [0, 2, 7],
      [1, 1, 7],
      [1, 2, 7],
    ])
  })

  test("scoped axes multiply their own backend only, and backends come in order of appearance", () => {
    const study = material(
      { model: "m" },
      { "vllm.engine.block_size": [8, 16, 32], n: [1, 2], "pytorch.batch_size": [1, 4] },
    )
    const found = valid(study)
    expect(found.map(({ backend }) => backend)).toEqual([...Array(6).fill("vllm"), ...Array(4).fill("pytorch")])
    expect(found[1]).toMatchObject({ n: 1, vllm: { engine: { block_size: 16 } } })
    expect(found.every((one) => (one.backend === "vllm" ? one.pytorch : one.vllm) === undefined)).toBe(true)
  })

  test("a backend axis wins over scoped prefixes; an axis that no backend runs is told", () => {
    const study = material({ model: "m" }, { backend: ["pytorch"], "vllm.engine.block_size": [8, 16] })
    const result = Result.getOrThrow(Expand.collect(study, resolve()))
    expect(result.experiments.map(({ experiment }) => experiment.backend)).toEqual(["pytorch"])
    expect(result.notices.map(({ code }) => code)).toEqual(["axis_unused"])
  })

  test("a backend that does not exist is skipped with a reason, not replaced by the default", () => {
    const study = material({ model: "m" }, { backend: ["vlm", "vllm"] })
    expect(valid(study).map(({ backend }) => backend)).toEqual(["vllm"])
    expect(reasons(study)).toHaveLength(1)
    expect(reasons(study)[0]).toContain("backend")
  })

  test("unequal combinations share what does not differ", () => {
    const [first, second] = all(material({ model: "m", decoder: { top_k: 7 } }, { n: [0, -1] }))
    if (first?.kind !== "skipped" || second?.kind !== "skipped") throw new Error("n should be at least 1")
    expect(first.config["decoder"]).toBe(second.config["decoder"])
  })
})

describe("fixed sections", () => {
  const fixed = { model: "m", pytorch: { batch_size: 8 }, vllm: { engine: { block_size: 8 } } }

  test("each backend that shares the file sees its own", () => {
    const found = valid(material(fixed, { backend: ["pytorch", "vllm"] }))
    expect(found.map(({ pytorch, vllm }) => [pytorch, vllm])).toEqual([
      [{ batch_size: 8 }, undefined],
      [undefined, { engine: { block_size: 8 } }],
    ])
  })

  test("a section that no backend of the study takes is reported, not dropped", () => {
    expect(reasons(material({ ...fixed, backend: "pytorch" }, { n: [1] }))[0]).toContain("vllm")
  })

  test("explicit entries see their own too, but one that writes another's section itself is invalid", () => {
    const explicit = [{ backend: "pytorch" }, { backend: "vllm" }, { backend: "vllm", pytorch: { batch_size: 1 } }]
    const study = material(fixed, null, { explicit })
    expect(valid(study).map(({ backend }) => backend)).toEqual(["pytorch", "vllm"])
    expect(reasons(study)[0]).toContain("pytorch")
  })
})

describe("groups", () => {
  const group = (variants: ReadonlyArray<RawConfig>) => ({ groups: [{ name: "g", variants }] })

  test("are a union of variants; {} changes nothing; a list inside a variant is a small grid", () => {
    const study = material({ model: "m" }, { n: [1, 2] }, group([{}, { precision: "fp16", "decoder.top_k": [1, 2] }]))
    expect(valid(study).map(({ n, precision, decoder }) => [n, precision, decoder.top_k])).toEqual([
      [1, "bf16", 50],
      [1, "fp16", 1],
      [1, "fp16", 2],
      [2, "bf16", 50],
      [2, "fp16", 1],
      [2, "fp16", 2],
    ])
  })

  test("a variant for several backends gives each its part, and one for another backend is left to it", () => {
    const study = material(
      { model: "m" },
      { backend: ["pytorch", "vllm"] },
      group([{ "pytorch.batch_size": 4, "vllm.engine.max_num_seqs": 4 }, { "pytorch.load_in_4bit": true }]),
    )
    expect(reasons(study)).toEqual([])
    expect(valid(study).map(({ pytorch, vllm }) => pytorch ?? vllm)).toEqual([
      { batch_size: 4 },
      { load_in_4bit: true },
      { engine: { max_num_seqs: 4 } },
    ])
  })
})

describe("explicit experiments", () => {
  test("come after the sweep and replace whole fields", () => {
    const study = material(
      { model: "m", decoder: { top_k: 7 } },
      { n: [1, 2] },
      { explicit: [{ n: 3, decoder: { temperature: 0 } }] },
    )
    expect(valid(study).map(({ n, decoder }) => [n, decoder.top_k])).toEqual([
      [1, 7],
      [2, 7],
      [3, 50],
    ])
  })

  test("without a sweep they are all there is; without either the file is one experiment", () => {
    expect(valid(material({ model: "m" }, null, { explicit: [{ n: 1 }, { n: 2 }] }))).toHaveLength(2)
    expect(valid(material({ model: "m" }, null))).toHaveLength(1)
  })
})

describe("skipping", () => {
  test("numbers count valid experiments only, and a repeated one names the first", () => {
    const study = material({ model: "m" }, { n: [0, 5] }, { explicit: [{ n: 6 }, { n: 5 }] })
    const found = all(study)
    expect(found.map((one) => (one.kind === "experiment" ? one.index : one.reason))).toEqual([
      expect.stringContaining("n"),
      1,
      2,
      "duplicate of experiment 1",
    ])
  })

  test("an experiment that says a default out loud repeats one that leaves it out", () => {
    expect(reasons(material({ model: "m" }, null, { explicit: [{}, { n: 100 }] }))).toEqual([
      "duplicate of experiment 1",
    ])
  })

  test("exactly half skipped is no warning, more than half is", () => {
    const codes = (values: ReadonlyArray<number>) =>
      Result.getOrThrow(Expand.collect(material({ model: "m" }, { n: values }), resolve())).notices.map(
        ({ code }) => code,
      )
    expect(codes([0, 1])).toEqual([])
    expect(codes([0, -1, 1])).toEqual(["many_skipped"])
  })

  test("when all are invalid the failure counts the reasons", () => {
    const study = material({ model: "m", endpoint: { url: "http://x" } }, { backend: ["pytorch"], n: [1, 2] })
    const result = Expand.collect(study, resolve())
    expect(Result.isFailure(result) && result.failure).toMatch(/endpoint.*\(2 combinations\)/)
  })
})

describe("the study's hash", () => {
  const hash = (study: SweepMaterial) => Result.getOrThrow(Expand.collect(study, resolve())).studyHash

  test("depends on the experiments and their order, not on how they are written", () => {
    const swept = hash(material({ model: "m" }, { n: [1, 2] }))
    expect(hash(material({ model: "m" }, null, { explicit: [{ n: 1 }, { n: 2 }] }))).toBe(swept)
    expect(hash(material({ model: "m" }, { n: [2, 1] }))).not.toBe(swept)
  })
})

const Sizes = Schema.Struct({
  universal: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))).check(Schema.isMaxLength(3)),
  pytorch: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
  vllm: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
})
const universalPaths = ["n", "random_seed", "decoder.top_k"]
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

prop("the count is universal x (sum of each backend's own)", arbitraryOf(Sizes), ({ universal, pytorch, vllm }) => {
  const study = material(
    { model: "m" },
    {
      "pytorch.batch_size": upTo(pytorch),
      "vllm.engine.block_size": [8, 16, 32].slice(0, vllm),
      ...Object.fromEntries(universal.map((size, index) => [universalPaths[index] ?? "n", upTo(size)])),
    },
  )
  const found = all(study)
  const expected = universal.reduce((total, size) => total * size, 1) * (pytorch + vllm)
  const hashes = new Set(found.map((one) => (one.kind === "experiment" ? one.hash : "skipped")))
  return found.length === expected && hashes.size === expected && !hashes.has("skipped")
})

test("combinations are made when they are asked for", () => {
  const wide = Object.fromEntries(upTo(12).map((axis) => [`vllm.engine.key${axis}`, upTo(12)]))
  let resolved = 0
  const counting = resolve()
  const generator = Expand.expand(material({ model: "m" }, wide), (raw) => {
    resolved += 1
    return counting(raw)
  })
  expect(generator.next().value).toMatchObject({ kind: "experiment", index: 1 })
  expect(generator.next().value).toMatchObject({ kind: "experiment", index: 2 })
  expect(resolved).toBe(2)
})
