import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import type { ConfigError, Problem } from "../../src/config/ConfigError.ts"
import * as Decode from "../../src/config/Decode.ts"
import * as Document from "../../src/config/Document.ts"
import { resolver } from "../../src/config/Experiments.ts"
import type { Override } from "../../src/config/Override.ts"
import type { StudySpec } from "../../src/domain/Study.ts"

const documentOf = (text: string, path: string) => {
  const parsed = Document.parse({ path, text })
  if (Result.isFailure(parsed)) throw parsed.failure
  return parsed.success
}

const decode = (text: string, more: { base?: string; overrides?: ReadonlyArray<Override> } = {}) =>
  Decode.decode({
    documents: [
      documentOf(text, "study.yaml"),
      ...(more.base === undefined ? [] : [documentOf(more.base, "base.yaml")]),
    ],
    overrides: more.overrides ?? [],
    defaultName: "study",
  })

const problems = (result: Result.Result<StudySpec, ConfigError>): ReadonlyArray<Problem> =>
  Result.isFailure(result) ? result.failure.problems : []

const spec = (result: Result.Result<StudySpec, ConfigError>): StudySpec => Result.getOrThrow(result)

const experiment = (text: string) => Result.getOrThrow(resolver()(spec(decode(text)).material.fixed))

describe("single experiments", () => {
  test("defaults of the grammar", () => {
    const value = experiment("model: gpt2\n")
    expect(value).toMatchObject({
      backend: "pytorch",
      n: 100,
      precision: "bf16",
      random_seed: 42,
      dataset: "aienergyscore",
      dataset_order: "interleaved",
      max_input_tokens: 512,
      max_output_tokens: 128,
      decoder: { temperature: 1, do_sample: true, top_k: 50, top_p: 1, repetition_penalty: 1 },
      warmup: { enabled: true, n_warmup: 5, thermal_floor_seconds: 60, cv_threshold: 0.05, max_prompts: 20 },
      baseline: { enabled: true, duration_seconds: 30 },
      energy: { backend: "auto", sample_hz: 10 },
      load: { mode: "offline" },
    })
  })

  test("a GGUF or synthetic model runs embedded, in its own weight format", () => {
    for (const model of ["x.gguf", "dir/x.GGUF", "synthetic:15m"])
      expect(experiment(`model: ${model}\n`)).toMatchObject({ backend: "embedded", precision: null })
    expect(experiment("model: x.gguf\nbackend: vllm\n").backend).toBe("vllm")
  })

  test("presets fill in, given values win", () => {
    expect(experiment("model: m\ndecoder: {preset: creative, top_p: 0.5}\n").decoder).toEqual({
      temperature: 0.8,
      do_sample: true,
      top_k: 50,
      top_p: 0.5,
      repetition_penalty: 1.1,
    })
  })

  test("the number of requests comes from load, else the dataset, else n", () => {
    expect(experiment("model: m\ndataset: {n: 7}\n")).toMatchObject({
      n: 7,
      dataset: { n: 7, input_len: 512, seed: 42 },
    })
    expect(experiment("model: m\nload: {n: 9, concurrency: 2}\n")).toMatchObject({
      n: 9,
      load: { mode: "concurrency" },
    })
    expect(problems(decode("model: m\nn: 3\ndataset: {n: 7}\n"))).toMatchObject([{ path: "n", line: 2, column: 4 }])
  })

  test("energy backends of the Python tool are understood, with a notice; null is no metering", () => {
    expect(experiment("model: m\nenergy: {backend: zeus}\n").energy.backend).toBe("nvml")
    expect(experiment("model: m\nenergy: {backend: codecarbon}\n").energy.backend).toBe("auto")
    expect(experiment("model: m\nenergy: {backend: null}\n").energy.backend).toBeNull()
    expect(spec(decode("model: m\nenergy: {backend: zeus}\n")).notices.map((notice) => notice.code)).toEqual([
      "energy_backend_renamed",
    ])
  })

  test("a resolved experiment decodes to itself", () => {
    const value = experiment("model: m\nbackend: vllm\nvllm: {engine: {block_size: 16, made_up: 1}}\nload: {rate: 2}\n")
    expect(Result.getOrThrow(resolver()({ ...value }))).toEqual(value)
  })
})

describe("what is wrong is said with its place, all at once", () => {
  test("misspelt, wrong-typed, out-of-range and nested fields", () => {
    const text = [
      "model: m",
      "precison: bf16",
      "n: none",
      "warmup:",
      "  thermal_floor_seconds: -1",
      "  n_warmpu: 3",
    ].join("\n")
    expect(problems(decode(text))).toMatchObject([
      { file: "study.yaml", path: "precison", line: 2, column: 1, nearest: "precision" },
      { path: "n", line: 3, column: 4, found: '"none"' },
      { path: "warmup.thermal_floor_seconds", line: 5, column: 26, found: "-1" },
      { path: "warmup.n_warmpu", line: 6, column: 3, nearest: "n_warmup" },
    ])
  })

  test("the text has the count, a caret under the place, and the nearest name", () => {
    const result = decode("model: m\nprecison: bf16\n")
    expect(Result.isFailure(result) && result.failure.message).toBe(
      [
        "Config validation failed (1 error):",
        "  study.yaml:2:1: precison: Unknown field 'precison' - did you mean 'precision'?",
        "    2 | precison: bf16",
        "        ^",
      ].join("\n"),
    )
  })

  test("a missing model, and a backend that does not exist", () => {
    expect(problems(decode("n: 1\n"))).toMatchObject([{ path: "model", message: "is required" }])
    expect(problems(decode("model: m\nbackend: vlm\n"))).toMatchObject([{ path: "backend", line: 2, nearest: "vllm" }])
  })

  test("names of the later Python grammar are recognised", () => {
    expect(problems(decode("model: m\nstudy_name: x\n"))).toMatchObject([{ nearest: "name", line: 2 }])
  })

  test("rules between fields", () => {
    for (const [text, path] of [
      ["backend: vllm\npytorch: {batch_size: 1}", "pytorch"],
      ["passthrough_kwargs: {n: 1}", "passthrough_kwargs.n"],
      ["pytorch: {load_in_4bit: true, load_in_8bit: true}", "pytorch.load_in_8bit"],
      ["pytorch: {torch_compile_mode: fast}", "pytorch.torch_compile_mode"],
      ["pytorch: {bnb_4bit_quant_type: nf4}", "pytorch.bnb_4bit_quant_type"],
      ["pytorch: {cache_implementation: static, use_cache: false}", "pytorch.cache_implementation"],
      ["backend: vllm\nvllm: {engine: {speculative_model: x}}", "vllm.engine.speculative_model"],
      [
        "backend: vllm\nvllm: {engine: {kv_cache_memory_bytes: 1, gpu_memory_utilization: 0.5}}",
        "vllm.engine.kv_cache_memory_bytes",
      ],
      ["backend: vllm\nvllm: {beam_search: {}, sampling: {}}", "vllm.beam_search"],
      ["lora: {adapter_id: a, adapter_path: b}", "lora"],
      ["load: {mode: concurrency}", "load.mode"],
      ["runner: local\nrunners: {vllm: docker}", "runners"],
    ])
      expect(problems(decode(`model: m\n${text}\n`)).map((problem) => problem.path)).toEqual([path ?? ""])
  })
})

describe("studies", () => {
  test("a file is a study when it has a sweep or experiments; silent ones run three shuffled cycles", () => {
    expect(spec(decode("model: m\nsweep: {n: [1, 2]}\n"))).toMatchObject({
      kind: "study",
      execution: { cycles: 3, order: "shuffled" },
      material: { axes: [{ path: "n", values: [1, 2] }], hasSweep: true },
    })
    expect(spec(decode("experiments: [{model: m}]\n")).kind).toBe("study")
    expect(spec(decode("model: m\n"))).toMatchObject({ kind: "experiment", execution: { cycles: 1 } })
  })

  test("an axis that names no field is an error at its key", () => {
    expect(problems(decode("model: m\nsweep:\n  decoder.temprature: [0, 1]\n"))).toMatchObject([
      { line: 3, column: 3, nearest: "decoder.temperature" },
    ])
    expect(problems(decode("model: m\nsweep:\n  vllm.engine.anything_at_all: [0]\n"))).toEqual([])
  })

  test("fields come from the base unless the study has them, and keep the base's places", () => {
    const base = "model: m\nn: 5\nsweep: {n: [1]}\nprecison: x\n"
    const result = decode("base: base.yaml\nn: 6\n", { base })
    expect(problems(result)).toMatchObject([{ file: "base.yaml", line: 4, column: 1 }])
    const fine = spec(decode("base: base.yaml\nn: 6\n", { base: "model: m\nn: 5\nsweep: {n: [1]}\n" }))
    expect(fine.kind).toBe("experiment")
    expect(fine.material.fixed).toEqual({ model: "m", n: 6 })
  })

  test("overrides set fixed fields and execution, and refuse what is swept", () => {
    const overrides = [
      { flag: "-n", path: "n", value: 7 },
      { flag: "--cycles", path: "execution.n_cycles", value: 2 },
    ]
    expect(spec(decode("model: m\nsweep: {random_seed: [1]}\n", { overrides }))).toMatchObject({
      material: { fixed: { n: 7 } },
      execution: { cycles: 2 },
    })
    const swept = problems(decode("model: m\nsweep: {n: [1]}\n", { overrides }))
    expect(swept.map((problem) => problem.message)).toEqual([
      "-n: n is swept by this study (sweep.n); a flag can only set what is fixed",
    ])
    const wrong = problems(decode("model: m\n", { overrides: [{ flag: "--set n", path: "n", value: "many" }] }))
    expect(wrong).toMatchObject([{ file: null, found: '"many"' }])
    expect(wrong[0]?.message).toStartWith("--set n: ")
  })
})
