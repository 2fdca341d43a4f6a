import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { ResolvedModel } from "../../src/engines/Engine.ts"
import * as Engines from "../../src/engines/Engines.ts"
import { fromArgv } from "../../src/engines/embedded/Arguments.ts"
import { engine } from "../../src/engines/embedded/engine.ts"

const experiment = (over: Partial<Experiment> = {}): Experiment => ({
  model: "synthetic:15m",
  backend: "embedded",
  n: 4,
  precision: null,
  random_seed: 42,
  dataset: { n: 4, input_len: 32, output_len: 16, seed: 1 },
  dataset_order: "interleaved",
  max_input_tokens: 512,
  max_output_tokens: 128,
  decoder: { temperature: 0.7, do_sample: true, top_k: 40, top_p: 0.9, repetition_penalty: 1 },
  warmup: {
    enabled: false,
    n_warmup: 1,
    thermal_floor_seconds: 0,
    convergence_detection: false,
    cv_threshold: 0.05,
    max_prompts: 5,
    window_size: 3,
    min_prompts: 1,
  },
  baseline: { enabled: false, duration_seconds: 5 },
  energy: { backend: "auto", sample_hz: 10 },
  load: { mode: "offline" },
  ...over,
})

const model: ResolvedModel = {
  path: "/models/a file.gguf",
  engineFolders: ["/cache", "/tmp/x"],
  sizeBytes: 1,
  sha256: null,
  weights: null,
}

const fields = (over: Partial<Experiment>) => engine.unsupported(experiment(over)).map(({ field }) => field)
const launched = (over: Partial<Experiment> = {}) => Result.getOrThrow(engine.launch(experiment(over), model))
const body = (over: Partial<Experiment>, id = 3) =>
  JSON.parse(engine.encode(experiment(over), launched(over), { id, prompt: [1, 2], maxOutputTokens: 9 }).body)

describe("the embedded engine as a description", () => {
  test("is what the registry gives for its backend, and nothing else is there", () => {
    expect(Engines.byBackend("embedded")).toBe(engine)
    expect(Engines.byBackend("pytorch")).toBeNull()
  })

  test("says which fields it cannot honour, each by its path", () => {
    expect(fields({})).toEqual([])
    expect(fields({ precision: "fp16" })).toEqual(["precision"])
    expect(fields({ lora: { adapter_path: "/x", merge_weights: false } })).toEqual(["lora"])
    expect(fields({ passthrough_kwargs: {} })).toEqual(["passthrough_kwargs"])
    expect(fields({ devices: "all" })).toEqual(["devices"])
    expect(fields({ devices: [0] })).toEqual(["devices"])
    expect(fields({ devices: "none" })).toEqual([])
  })

  test("GPU layers and GPUs go together", () => {
    const embedded = { gpu_layers: 1 }
    expect(fields({ embedded })).toEqual([])
    expect(fields({ embedded, devices: "all" })).toEqual([])
    expect(fields({ embedded, devices: [0] })).toEqual([])
    expect(fields({ embedded, devices: "none" })).toEqual(["devices"])
    expect(fields({ embedded, devices: [] })).toEqual(["devices"])
    expect(fields({ embedded: { gpu_layers: 0 }, devices: "all" })).toEqual(["devices"])
  })

  test("lengths that cannot be are planning errors, by the study's own names", () => {
    const dataset = { n: 1, input_len: 20, output_len: 8, seed: 1 }
    expect(fields({ dataset, embedded: { context_size: 28 } })).toEqual([])
    expect(fields({ dataset, embedded: { context_size: 27 } })).toEqual(["embedded.context_size"])
    expect(fields({ dataset: "prompts.jsonl", embedded: { context_size: 16 } })).toEqual([])
    const { decoder } = experiment()
    expect(fields({ dataset, decoder: { ...decoder, min_new_tokens: 8 } })).toEqual([])
    expect(fields({ dataset, decoder: { ...decoder, min_new_tokens: 9 } })).toEqual(["decoder.min_new_tokens"])
    expect(fields({ embedded: { threads: 513 } })).toEqual(["embedded.threads"])
  })

  test("more sequences than llama.cpp has is a planning error, not a crash that looks like lack of memory", () => {
    expect(fields({ embedded: { batch_size: 256 } })).toEqual([])
    expect(fields({ embedded: { batch_size: 257 } })).toEqual(["embedded.batch_size"])
    expect(fields({ load: { mode: "concurrency", concurrency: 300 } })).toEqual(["load.concurrency"])
  })

  test("takes GGUF paths and synthetic models; the id of a hub is not a path", () => {
    for (const name of ["a.gguf", "dir/a.GGUF", "/abs/weights", "./dir/weights", "synthetic:110m-q8_0"])
      expect(fields({ model: name })).toEqual([])
    expect(fields({ model: { gguf: "dir/a.gguf", hf: "org/a" } })).toEqual([])
    for (const name of ["gpt2", "meta-llama/Llama-3.2-1B", "synthetic:3b"])
      expect(fields({ model: name })).toEqual(["model"])
    expect(fields({ model: { hf: "org/a" } })).toEqual(["model"])
  })

  test("asks for what the study samples with, and for nothing of it when it takes the likeliest token", () => {
    const { decoder } = experiment()
    const asked = (over: object) => {
      const one = experiment({ decoder: { ...decoder, ...over } })
      const launch = Result.getOrThrow(engine.launch(one, model))
      return JSON.parse(engine.encode(one, launch, { id: 0, prompt: [1], maxOutputTokens: 9 }).body)
    }
    const further = { min_p: 0.1, repetition_penalty: 1.1, min_new_tokens: 2 }
    expect(asked(further)).toMatchObject({
      temperature: 0.7,
      top_k: 40,
      min_p: 0.1,
      repetition_penalty: 1.1,
      min_tokens: 2,
    })
    const greedy = asked({ ...further, do_sample: false })
    expect(greedy).toMatchObject({ temperature: 0, repetition_penalty: 1.1, min_tokens: 2 })
    expect(greedy).not.toContainAnyKeys(["min_p", "top_k", "top_p"])
    expect(asked({})).not.toContainAnyKeys(["min_p", "repetition_penalty", "min_tokens"])
  })

  test("its command line is read back by the child as it was meant", () => {
    const { program, argv, env, libraryFolders } = launched({
      embedded: { batch_size: 8, threads: 2, mmap: false, prefill_chunk: 64 },
    })
    expect(program).toEqual({ kind: "self" })
    expect(env["GGML_NO_BACKTRACE"]).toBe("1")
    expect(argv[0]).toBe("__engine")
    expect(libraryFolders).toEqual(["/cache", "/tmp/x"])
    const filled = argv
      .slice(1)
      .map((argument) =>
        argument.replace("{host}", "127.0.0.1").replace("{port}", "8123").replace("{libraries}", "/cache:/tmp/x"),
      )
    expect(fromArgv(filled)).toEqual({
      modelPath: model.path,
      servedModel: "model",
      host: "127.0.0.1",
      port: 8123,
      slots: 8,
      contextPerSequence: 256,
      prefillChunk: 64,
      prefixCache: false,
      threads: 2,
      mmap: false,
      libraryFolders: ["/cache", "/tmp/x"],
      gpuLayers: 0,
      variantFolder: null,
      followParent: true,
    })
    expect(fromArgv(["--model=x"])).toBeString()
  })

  test("layers on a GPU come with the folder of the build that has them there", () => {
    const { argv } = launched({ embedded: { gpu_layers: 7 } })
    const filled = argv.map((argument) => argument.replace("{variant}", "/gpu/a=b").replace("{port}", "1"))
    expect(fromArgv(filled)).toMatchObject({ gpuLayers: 7, variantFolder: "/gpu/a=b" })
    expect(fromArgv(filled.filter((argument) => !argument.startsWith("--variant")))).toContain("--variant")
    expect(launched({ embedded: { gpu_layers: 0 } }).argv.join(" ")).not.toMatch(/variant|gpu/)
  })

  test("the context holds prompt and output", () => {
    const context = (input: number, output: number) =>
      launched({ dataset: { n: 1, input_len: input, output_len: output, seed: 1 } }).argv.find((argument) =>
        argument.startsWith("--context="),
      )
    expect(context(200, 55)).toBe("--context=256")
    expect(context(200, 56)).toBe("--context=512")
  })

  test("asks for exact lengths of synthetic prompts unless the study lets the model stop", () => {
    expect(body({})).toMatchObject({ max_tokens: 9, ignore_eos: true, prompt: [1, 2], stream: true })
    expect(body({ embedded: { ignore_eos: false } })).toMatchObject({ ignore_eos: false })
    expect(body({}).stream_options).toEqual({ include_usage: true, continuous_usage_stats: true })
  })

  test("no sampling means temperature 0; a seed of its own for each request", () => {
    const greedy = { ...experiment().decoder, do_sample: false }
    expect(body({ decoder: greedy }).temperature).toBe(0)
    expect(body({})).toMatchObject({ temperature: 0.7, top_k: 40, top_p: 0.9 })
    expect(body({}, 3).seed).toBe(body({}, 3).seed)
    expect(body({}, 3).seed).not.toBe(body({}, 4).seed)
    expect(body({ random_seed: 7 }, 3).seed).not.toBe(body({}, 3).seed)
  })
})
