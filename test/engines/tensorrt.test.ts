import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { parse } from "yaml"
import type { Experiment } from "../../src/domain/Experiment.ts"
import * as Engines from "../../src/engines/Engines.ts"
import { engine } from "../../src/engines/tensorrt/engine.ts"
import * as Options from "../../src/engines/tensorrt/Options.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { described, folder } from "./describing.ts"

const { experiment, launched, fields, body } = described(engine, folder, { model: "/models/m", precision: "bf16" })
const options = (over: Partial<Experiment> = {}) => parse(launched(over).texts?.["tensorrt.yaml"] ?? "")

const start = ["/models/m", "--host={host}", "--port={port}", "--backend=pytorch"]
const end = "--config={files}/tensorrt.yaml"

describe("the launch of TensorRT-LLM", () => {
  test("is what the registry gives for its backend", () => {
    expect(Engines.byBackend("tensorrt")).toBe(engine)
  })

  test("without any setting: the number format, and no reuse of earlier prompts", () => {
    expect(launched()).toEqual({
      backend: "tensorrt",
      program: { kind: "command", name: "trtllm-serve" },
      argv: [...start, end],
      env: {
        HF_HUB_OFFLINE: "1",
        TRANSFORMERS_OFFLINE: "1",
        HF_DATASETS_OFFLINE: "1",
        DO_NOT_TRACK: "1",
        TRTLLM_NO_USAGE_STATS: "1",
      },
      texts: { "tensorrt.yaml": '{"dtype": "bfloat16", "kv_cache_config": {"enable_block_reuse": false}}\n' },
      mounts: [{ hostPath: "/models/m", readOnly: true }],
      secretNames: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
      libraryFolders: [],
      container: {
        command: ["trtllm-serve"],
        shmBytes: null,
        ipc: "host",
        ulimits: [
          { name: "memlock", soft: -1, hard: -1 },
          { name: "stack", soft: 67108864, hard: 67108864 },
        ],
        anyUser: false,
        writable: [
          { path: "/tmp/.cache", kept: true },
          { path: "/tmp/.triton", kept: true },
        ],
      },
      readinessPath: "/health",
      infoPath: "/version",
      servedModel: "m",
    })
  })

  test("with the section's fields as flags and every further one in its file", () => {
    const tensorrt = {
      max_batch_size: 16,
      tp_size: 2,
      ignore_eos: true,
      max_num_tokens: 4096,
      kv_cache_config: { free_gpu_memory_fraction: 0.8, dtype: "fp8" },
      cuda_graph_config: { batch_sizes: [1, 2, 4] },
    }
    const given = { tensorrt, precision: null, passthrough_kwargs: { enable_chunked_prefill: true } }
    expect(launched(given).argv).toEqual([...start, "--max_batch_size=16", "--tp_size=2", end])
    expect(options(given)).toEqual({
      max_num_tokens: 4096,
      kv_cache_config: { enable_block_reuse: false, free_gpu_memory_fraction: 0.8, dtype: "fp8" },
      cuda_graph_config: { batch_sizes: [1, 2, 4] },
      enable_chunked_prefill: true,
    })
    expect(options({ tensorrt: { kv_cache_config: { enable_block_reuse: true } } }).kv_cache_config).toEqual({
      enable_block_reuse: true,
    })
  })

  test("an engine that is already built is served with the model's tokenizer, in the format it was built with", () => {
    const given = { tensorrt: { engine_path: "/engines/llama fp8/" } }
    expect(launched(given)).toMatchObject({
      argv: [
        "/engines/llama fp8/",
        "--host={host}",
        "--port={port}",
        "--backend=tensorrt",
        "--tokenizer=/models/m",
        end,
      ],
      servedModel: "llama fp8",
      mounts: [
        { hostPath: "/models/m", readOnly: true },
        { hostPath: "/engines/llama fp8/", readOnly: true },
      ],
    })
    expect(options(given)).toEqual({ kv_cache_config: { enable_block_reuse: false } })
  })

  test("folders that options name are seen where the engine runs", () => {
    const tensorrt = { tokenizer: "/tok", speculative_config: { decoding_type: "Eagle", speculative_model_dir: "/e3" } }
    expect(engine.files(experiment({ tensorrt }))).toEqual(["/tok", "/e3"])
  })

  const Data = Schema.Record(
    Schema.String,
    Schema.Union([Schema.Finite, Schema.String, Schema.Boolean, Schema.Null, Schema.Array(Schema.Finite)]),
  )
  prop("its file says what the study says", arbitraryOf(Data), (data) => {
    const own = Object.fromEntries(Object.entries(data).filter(([key]) => key !== "__proto__" && key !== "<<"))
    expect(JSON.stringify(parse(Options.toYaml({ data: own })))).toBe(JSON.stringify({ data: own }))
  })

  test("a number keeps its point where its file's readers need one", () => {
    expect(Options.toYaml([1e-7, -3e22, 1.5e-9, 0.1, 12])).toBe("[1.0e-7, -3.0e+22, 1.5e-9, 0.1, 12]")
  })
})

describe("what TensorRT-LLM cannot do", () => {
  test("is said of each field, by its path", () => {
    const { decoder } = experiment()
    expect(fields({ model: "synthetic:15m" })).toEqual(["model"])
    expect(fields({ tensorrt: { quantization: "fp8" } })).toEqual(["tensorrt.quantization"])
    expect(fields({ tensorrt: { engine_path: "engine" } })).toEqual(["tensorrt.engine_path"])
    expect(fields({ lora: { adapter_path: "/a", merge_weights: false } })).toEqual(["lora"])
    expect(fields({ devices: "none" })).toEqual(["devices"])
    expect(fields({ devices: [0], tensorrt: { tp_size: 2 } })).toEqual(["tensorrt.tp_size"])
    expect(fields({ decoder: { ...decoder, min_new_tokens: 17 } })).toEqual(["decoder.min_new_tokens"])
  })

  test("penalties, with its default sampler", () => {
    const decoder = { ...experiment().decoder, repetition_penalty: 1.1 }
    expect(fields({ decoder })).toEqual(["decoder.repetition_penalty"])
    expect(fields({ decoder, tensorrt: { sampler_type: "TRTLLMSampler" } })).toEqual([])
    expect(fields({ decoder, tensorrt: { engine_path: "/e" } })).toEqual([])
  })

  test("options that llem sets itself, and what is none", () => {
    const handed = (section: Record<string, unknown>) => fields({ passthrough_kwargs: section })
    expect(
      handed({ model: "x", backend: "y", dtype: "half", max_batch_size: 2, "a b": 1, n: Number.NaN }),
    ).toHaveLength(6)
    expect(handed({ kv_cache_config: [1], moe_config: { backend: "CUTLASS" } })).toEqual([
      "passthrough_kwargs.kv_cache_config",
    ])
    expect(fields({ tensorrt: { max_seq_len: 9 }, passthrough_kwargs: { max_seq_len: 8 } })).toEqual([
      "passthrough_kwargs.max_seq_len",
    ])
  })

  const Section = Schema.Record(Schema.String, Schema.Unknown)
  prop("no option ever reaches the command line", arbitraryOf(Section), (some) => {
    const bad = new Set(fields({ passthrough_kwargs: some }))
    const good = Object.fromEntries(Object.entries(some).filter(([key]) => !bad.has(`passthrough_kwargs.${key}`)))
    expect(launched({ passthrough_kwargs: good }).argv).toEqual([...start, end])
  })
})

describe("a request to TensorRT-LLM", () => {
  test("has no field that its server does not know", () => {
    expect(body({})).toEqual({
      model: "m",
      prompt: [1, 2],
      max_tokens: 16,
      ignore_eos: true,
      temperature: 0,
      seed: 45,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    })
    expect(body({ tensorrt: { ignore_eos: false } }).ignore_eos).toBe(false)
  })

  test("samples as the study says; a person's own prompts are cut at their limit", () => {
    const decoder = { temperature: 1, do_sample: true, top_k: 0, top_p: 0.9, repetition_penalty: 1 }
    expect(body({ decoder })).toMatchObject({ temperature: 1, top_k: 0, top_p: 0.9, min_p: 0 })
    expect(body({ max_input_tokens: 9 }, "once").truncate_prompt_tokens).toBe(9)
  })

  test("as many at once as the section says, else as the load", () => {
    expect(engine.batchSize(experiment({ tensorrt: { max_batch_size: 8 } }))).toBe(8)
    expect(engine.batchSize(experiment({ load: { mode: "concurrency", concurrency: 4 } }))).toBe(4)
  })
})
