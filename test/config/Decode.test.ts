import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import { stringify } from "yaml"
import type { ConfigError } from "../../src/config/ConfigError.ts"
import * as Decode from "../../src/config/Decode.ts"
import { resolver } from "../../src/config/Experiments.ts"
import { hashOf } from "../../src/config/Hash.ts"
import { presets } from "../../src/config/Input.ts"
import * as Backend from "../../src/domain/Backend.ts"
import { Experiment } from "../../src/domain/Experiment.ts"
import type { StudySpec } from "../../src/domain/Study.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { decode, problems, told } from "./reading.ts"

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
    const plain = { temperature: 1, do_sample: true, top_k: 50, top_p: 1, repetition_penalty: 1 }
    const decoder = (written: string) => experiment(`model: m\ndecoder: ${written}\n`).decoder
    expect(decoder("{preset: deterministic}")).toEqual({ ...plain, temperature: 0, do_sample: false })
    expect(decoder("{preset: standard}")).toEqual({ ...plain, top_p: 0.95 })
    expect(decoder("{preset: creative}")).toEqual({ ...plain, temperature: 0.8, top_p: 0.9, repetition_penalty: 1.1 })
    expect(decoder("{preset: factual}")).toEqual({ ...plain, temperature: 0.3 })
    expect(decoder("{preset: creative, top_p: 0.5, temperature: null}")).toEqual({
      ...plain,
      ...presets.creative,
      top_p: 0.5,
    })
  })

  test("a model in two forms is embedded where it has no form for pytorch", () => {
    expect(experiment("model: {gguf: x.gguf}\n")).toMatchObject({ backend: "embedded", precision: null })
    expect(experiment("model: {gguf: x.gguf, hf: a/b}\n")).toMatchObject({ backend: "pytorch", precision: "bf16" })
    expect(experiment("model: {gguf: x.gguf, hf: a/b}\nbackend: llamacpp\n").precision).toBeNull()
    expect(experiment("model: x.gguf\nprecision: fp16\n").precision).toBe("fp16")
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
})

const resolve = resolver()

/** Any experiment that breaks no rule between fields, as a person could have written it out in full. */
const written = (drawn: Experiment) => {
  const { dataset, model, n, load, lora, backend, ...rest } = drawn
  const others = Backend.all.filter((one) => one !== backend).map((one) => [one, undefined])
  return JSON.parse(
    JSON.stringify({
      ...rest,
      ...Object.fromEntries(others),
      ...(backend === "endpoint" ? { endpoint: { url: "http://127.0.0.1" } } : {}),
      model: typeof model === "string" && model.startsWith("synthetic:") ? "m" : model,
      backend,
      n,
      dataset: typeof dataset === "string" ? dataset : { ...dataset, n },
      load: { mode: "offline", ...(load.slo === undefined ? {} : { slo: load.slo }) },
    }),
  )
}

let kept = 0
prop(
  "a resolved experiment, written as YAML, decodes to itself with the same hash",
  arbitraryOf(Experiment),
  (drawn) => {
    const first = resolve(written(drawn))
    if (Result.isFailure(first)) return true
    kept += 1
    const text = stringify(JSON.parse(JSON.stringify(first.success)), { aliasDuplicateObjects: false })
    const second = experiment(text)
    expect(JSON.stringify(second)).toBe(JSON.stringify(first.success))
    return hashOf(second) === hashOf(first.success)
  },
)

test("and most of those drawn were experiments", () => expect(kept).toBeGreaterThan(30))

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

  test("names of the later Python grammar are recognised, at any depth", () => {
    const text = [
      "study_name: x",
      "engine: vllm",
      "task: {model: m}",
      "study_execution: {n_cycles: 2}",
      "sampling_preset: factual",
      "execution: {experiment_order: shuffle}",
      "sweep: {transformers.batch_size: [1], n_prompts: [2]}",
      "vllm: {dtype: fp16}",
      "experiments: [{engine: vllm, dataset: {n_prompts: 3}}]",
    ].join("\n")
    expect(problems(decode(text)).map(({ line, nearest }) => [line, nearest])).toEqual([
      [1, "name"],
      [2, "backend"],
      [3, "model, random_seed, dataset, max_input_tokens and max_output_tokens"],
      [4, "execution"],
      [5, "decoder.preset"],
      [6, "execution.cycle_order"],
      [7, "pytorch.batch_size"],
      [7, "n"],
      [8, "precision"],
      [9, "backend"],
      [9, "n"],
    ])
    expect(told(decode("model: m\nstudy_name: x\n"))).toEqual([
      "study.yaml:2:1 study_name Unknown field 'study_name' - here it is called 'name'",
    ])
  })

  test("what should have been there is said in words", () => {
    for (const [text, said] of [
      ["n: many", "n should be a number"],
      ["n: 1.5", "n should be an integer"],
      ["n: 99999999999999999999", "n should be an integer"],
      ["random_seed: .inf", "random_seed should be an integer"],
      ["decoder: {do_sample: 'no'}", "decoder.do_sample should be true or false"],
      ["decoder: 3", "decoder should be a mapping"],
      ["decoder: {top_p: 1.1}", "decoder.top_p should be between 0 and 1"],
      ["warmup: {thermal_floor_seconds: -1}", "warmup.thermal_floor_seconds should be at least 0"],
      ["load: {rate: 0}", "load.rate should be greater than 0"],
      ["devices: 3", "devices should be all, none or a list"],
      ["devices: [0.5]", "devices.0 should be an integer"],
      ["name: ''", "name should not be empty"],
      ["backend: endpoint\nendpoint: {}", "endpoint.url is required"],
      ["model: {ggf: x}", "model.ggf Unknown field 'ggf' - did you mean 'gguf'?"],
    ])
      expect(
        told(decode(text?.startsWith("model") ? text : `model: m\n${text}\n`)).map((one) => one.replace(/^\S+ /, "")),
      ).toEqual([said ?? ""])
  })

  test("names that every object has are no fields", () => {
    expect(problems(decode("model: m\nconstructor: 1\n__proto__: {n: 2}\ndecoder: {toString: 1}\n"))).toMatchObject([
      { path: "constructor", line: 2 },
      { path: "__proto__", line: 3 },
      { path: "decoder.toString", line: 4 },
    ])
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
      ["load: {mode: offline, concurrency: 4}", "load.concurrency"],
      ["load: {mode: poisson, rate: 1, burstiness: 2}", "load.burstiness"],
      ["load: {concurrency: 2, rate: 2}", "load.rate"],
      ["load: {n: 2}\ndataset: {n: 3}", "dataset.n"],
      ["warmup: {min_prompts: 30}", "warmup.min_prompts"],
      ["warmup: {max_prompts: 6, window_size: 7}", "warmup.window_size"],
      ["pytorch: {torch_dtype: float16}", "pytorch.torch_dtype"],
      ["backend: vllm\nvllm: {engine: {dtype: half}}", "vllm.engine.dtype"],
      ["lora: {merge_weights: true}", "lora"],
      ["backend: endpoint", "backend"],
      ["backend: endpoint\nendpoint: {url: x}\nrunners: {endpoint: docker}", "runners.endpoint"],
      ["runner: dokcer", "runner"],
      ["output_dir: a\nresults_dir: b", "results_dir"],
      ["runner: local\nrunners: {vllm: docker}", "runners"],
    ])
      expect(problems(decode(`model: m\n${text}\n`)).map((problem) => problem.path)).toEqual([path ?? ""])
  })
})

test("a synthetic model has one of the known sizes and formats", () => {
  for (const model of ["synthetic:15m", "synthetic:110m-q8_0", "synthetic:1b-f16"])
    expect(problems(decode(`model: ${model}\n`))).toEqual([])
  for (const model of ["synthetic:15b", "synthetic:15m-q5_0", "synthetic:", "synthetic:15m-q4_0-x"])
    expect(problems(decode(`model: '${model}'\n`))).toMatchObject([{ path: "model", line: 1, column: 8 }])
})

test("flags alone describe an experiment", () => {
  const overrides = [
    { flag: "--model", path: "model", value: "synthetic:15m" },
    { flag: "--batch-size", path: "embedded.batch_size", value: 4 },
  ]
  const alone = Decode.decode({ documents: [], overrides, defaultName: "experiment" })
  expect(spec(alone)).toMatchObject({ name: "experiment", kind: "experiment", execution: { cycles: 1 } })
  expect(Result.getOrThrow(resolve(spec(alone).material.fixed))).toMatchObject({ embedded: { batch_size: 4 } })
  expect(told(Decode.decode({ documents: [], overrides: [], defaultName: "experiment" }))).toEqual([
    "model is required",
  ])
})

test("what execution and results say", () => {
  const text = [
    "model: m",
    "results_dir: there",
    "images: {vllm: 'vllm/vllm-openai:v0.9'}",
    "runners: {vllm: 'docker:x', pytorch: auto}",
    "execution:",
    "  n_cycles: 4",
    "  cycle_order: latin_square",
    "  experiment_gap_seconds: 0",
    "  cycle_gap_seconds: 2.5",
    "  shuffle_seed: -3",
    "  skip_preflight: true",
    "  fail_fast: true",
    "  reuse_engine: true",
    "  timeouts: {window_seconds: 60, cell_seconds: 90}",
  ].join("\n")
  expect(spec(decode(text))).toMatchObject({
    resultsDirectory: "there",
    images: { vllm: "vllm/vllm-openai:v0.9" },
    runners: { all: null, byBackend: { vllm: "docker:x", pytorch: "auto" } },
    execution: {
      cycles: 4,
      order: "latin_square",
      experimentGapSeconds: 0,
      cycleGapSeconds: 2.5,
      shuffleSeed: -3,
      skipPreflight: true,
      failFast: true,
      reuseEngine: true,
      timeouts: { window_seconds: 60, cell_seconds: 90 },
    },
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
