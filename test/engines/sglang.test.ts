import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import * as Engines from "../../src/engines/Engines.ts"
import { engine } from "../../src/engines/sglang/engine.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { described, folder } from "./describing.ts"

const { experiment, launched, fields, argv, body } = described(engine, folder, {
  model: "/models/m",
  precision: "bf16",
})

const start = "serve --model-path=/models/m --served-model-name=model --host={host} --port={port} --random-seed=42"

describe("the launch of SGLang", () => {
  test("is what the registry gives for its backend", () => {
    expect(Engines.byBackend("sglang")).toBe(engine)
  })

  test("without any setting: no radix cache, no sampling defaults of the model's, a health that costs nothing", () => {
    expect(launched()).toEqual({
      backend: "sglang",
      program: { kind: "command", name: "sglang" },
      argv: [
        "serve",
        "--model-path=/models/m",
        "--served-model-name=model",
        "--host={host}",
        "--port={port}",
        "--random-seed=42",
        "--dtype=bfloat16",
        "--disable-radix-cache",
        "--sampling-defaults=openai",
      ],
      env: {
        HF_HUB_OFFLINE: "1",
        TRANSFORMERS_OFFLINE: "1",
        HF_DATASETS_OFFLINE: "1",
        DO_NOT_TRACK: "1",
        SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: "false",
      },
      mounts: [{ hostPath: "/models/m", readOnly: true }],
      secretNames: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
      libraryFolders: [],
      container: {
        command: ["sglang"],
        shmBytes: 34359738368,
        ipc: "private",
        ulimits: [],
        anyUser: false,
        writable: [
          { path: "/tmp/.cache", kept: true },
          { path: "/tmp/.triton", kept: true },
        ],
      },
      readinessPath: "/health",
      infoPath: "/server_info",
      detailFields: ["version", "attention_backend", "sampling_backend", "kv_cache_dtype", "max_total_num_tokens"],
      servedModel: "model",
    })
  })

  test("with the section's fields and further flags, which are off unless they are given", () => {
    const sglang = {
      max_running_requests: 32,
      tp_size: 2,
      mem_fraction_static: 0.8,
      enable_torch_compile: true,
      disable_cuda_graph: false,
      dllm_fdfo: false,
      json_model_override_args: { rope_theta: 1 },
      ignore_eos: true,
    }
    expect(argv({ sglang, precision: null, passthrough_kwargs: { attention_backend: "fa3" } })).toBe(
      `${start} --disable-radix-cache --sampling-defaults=openai --max-running-requests=32 --tp-size=2` +
        ' --mem-fraction-static=0.8 --enable-torch-compile --no-dllm-fdfo --json-model-override-args={"rope_theta":1}' +
        " --attention-backend=fa3",
    )
  })

  test("a radix cache that a study asks for is emptied between experiments", () => {
    const launch = launched({ sglang: { disable_radix_cache: false } })
    expect(launch.argv).not.toContain("--disable-radix-cache")
    expect(launch.resetPath).toBe("/flush_cache")
  })

  test("an adapter is loaded from its folder and named in every request; what flags name is seen, too", () => {
    const given = {
      lora: { adapter_path: "/adapters/a", merge_weights: false },
      sglang: { speculative_draft_model_path: "/draft" },
    }
    expect(argv(given)).toContain("--enable-lora --lora-paths=adapter=/adapters/a ")
    expect(launched(given).mounts.map(({ hostPath }) => hostPath)).toEqual(["/models/m", "/adapters/a", "/draft"])
    expect(body(given)).toMatchObject({ model: "model", lora_path: "adapter" })
  })
})

describe("what SGLang cannot do", () => {
  test("is said of each field, by its path", () => {
    const { decoder } = experiment()
    expect(fields({ model: "a.gguf" })).toEqual(["model"])
    expect(fields({ decoder: { ...decoder, min_new_tokens: 17 } })).toEqual(["decoder.min_new_tokens"])
    expect(fields({ sglang: { tp_size: 4 }, devices: [0, 1] })).toEqual(["sglang.tp_size"])
    expect(fields({ sglang: { tp_size: 4 }, devices: "all" })).toEqual([])
    expect(fields({ lora: { adapter_id: "org/a", merge_weights: false } })).toEqual(["lora.adapter_id"])
    expect(fields({ sglang: { port: 1, model: "x", dtype: "half", api_key: "x", cuda_graph_bs: [1, 2] } })).toEqual([
      "sglang.port",
      "sglang.model",
      "sglang.dtype",
      "sglang.api_key",
      "sglang.cuda_graph_bs",
    ])
    expect(fields({ sglang: { tp_size: 1 }, passthrough_kwargs: { tensor_parallel_size: 2 } })).toEqual([
      "passthrough_kwargs.tensor_parallel_size",
    ])
  })

  test("a batch size under another name, which the load would not know of", () => {
    expect(fields({ passthrough_kwargs: { max_running_requests: 8 } })).toEqual([
      "passthrough_kwargs.max_running_requests",
    ])
  })

  const Known = Schema.Struct({
    key: Schema.Literals(["enable_metrics", "quantization", "mem_fraction_static", "stream_interval"]),
    value: Schema.Union([Schema.Finite, Schema.Boolean, Schema.String]),
  })
  prop("an option never grows into several arguments, whatever its value", arbitraryOf(Known), ({ key, value }) => {
    const before = launched().argv
    const now = launched({ sglang: { [key]: value } }).argv
    expect(now.slice(0, before.length)).toEqual([...before])
    expect(now.length - before.length).toBe(value === false ? 0 : 1)
    if (value !== false) expect(now.at(-1)).toStartWith(`--${key.replaceAll("_", "-")}`)
  })
})

describe("a request to SGLang", () => {
  test("asks for exact lengths, the counts and ids of each chunk", () => {
    expect(body({})).toEqual({
      model: "model",
      prompt: [1, 2],
      max_tokens: 16,
      ignore_eos: true,
      temperature: 0,
      seed: 45,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      return_token_ids: true,
    })
    expect(body({ sglang: { ignore_eos: false } }).ignore_eos).toBe(false)
    expect(engine.exactLengths(experiment({ dataset: "prompts.jsonl" }))).toBe(false)
  })

  test("samples among all tokens where top_k is off, which is -1 here", () => {
    const decoder = {
      temperature: 1,
      do_sample: true,
      top_k: 0,
      top_p: 0.9,
      repetition_penalty: 1.1,
      min_new_tokens: 2,
    }
    expect(body({ decoder })).toMatchObject({ top_k: -1, top_p: 0.9, min_p: 0, repetition_penalty: 1.1, min_tokens: 2 })
    expect(body({ decoder: { ...decoder, top_k: 7 } }).top_k).toBe(7)
  })

  test("as many at once as the section says, else as the load", () => {
    expect(engine.batchSize(experiment({ sglang: { max_running_requests: 8 } }))).toBe(8)
    expect(engine.batchSize(experiment({ load: { mode: "concurrency", concurrency: 4 } }))).toBe(4)
  })
})
