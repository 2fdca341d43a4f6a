import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import type { ResolvedModel } from "../../src/engines/Engine.ts"
import * as Engines from "../../src/engines/Engines.ts"
import * as Flags from "../../src/engines/Flags.ts"
import { engine } from "../../src/engines/vllm/engine.ts"
import { commandLine } from "../../src/engines/vllm/Places.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { described } from "./describing.ts"

const model: ResolvedModel = {
  path: "/hub/models--org--name/snapshots/0a",
  folder: "/hub/models--org--name",
  engineFolders: ["/cache"],
  sizeBytes: 1,
  sha256: null,
  weights: null,
}

const { experiment, launched, fields, argv, body } = described(engine, model, { model: "org/name", precision: "bf16" })

const start =
  "serve /hub/models--org--name/snapshots/0a --served-model-name=model --host={host} --port={port} --seed=42"
const end = "--no-enable-prefix-caching --generation-config=vllm --no-enable-log-requests --disable-uvicorn-access-log"

describe("the launch of vLLM", () => {
  test("is what the registry gives for its backend", () => {
    expect(Engines.byBackend("vllm")).toBe(engine)
    expect(Engines.available).toContain("vllm")
  })

  test("without any setting: the engine's own batch, nothing kept of earlier prompts, no network", () => {
    expect(launched()).toEqual({
      backend: "vllm",
      program: { kind: "command", name: "vllm" },
      argv: [
        "serve",
        "/hub/models--org--name/snapshots/0a",
        "--served-model-name=model",
        "--host={host}",
        "--port={port}",
        "--seed=42",
        "--dtype=bfloat16",
        "--max-model-len=256",
        "--no-enable-prefix-caching",
        "--generation-config=vllm",
        "--no-enable-log-requests",
        "--disable-uvicorn-access-log",
      ],
      env: {
        HF_HUB_OFFLINE: "1",
        TRANSFORMERS_OFFLINE: "1",
        HF_DATASETS_OFFLINE: "1",
        DO_NOT_TRACK: "1",
        VLLM_NO_USAGE_STATS: "1",
      },
      mounts: [{ hostPath: "/hub/models--org--name", readOnly: true }],
      secretNames: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
      libraryFolders: [],
      container: {
        command: ["vllm"],
        shmBytes: 8589934592,
        ipc: "private",
        ulimits: [],
        anyUser: false,
        writable: [
          { path: "/tmp/.cache", kept: true },
          { path: "/tmp/.triton", kept: true },
        ],
      },
      readinessPath: "/health",
      infoPath: "/version",
      servedModel: "model",
    })
  })

  test("with every field of the section", () => {
    const engineSection = {
      gpu_memory_utilization: 0.85,
      cpu_offload_gb: 2,
      block_size: 16,
      kv_cache_dtype: "fp8",
      enforce_eager: true,
      enable_chunked_prefill: false,
      max_num_seqs: 64,
      max_num_batched_tokens: 8192,
      max_model_len: 4096,
      tensor_parallel_size: 2,
      pipeline_parallel_size: 2,
      quantization: "awq",
      speculative_model: "/draft",
      num_speculative_tokens: 4,
      compilation_config: { mode: 3, cudagraph_capture_sizes: [1, 2] },
      attention: { backend: "FLASH_ATTN", flash_attn_version: 3 },
    } as const
    expect(argv({ vllm: { engine: engineSection }, precision: "fp16" })).toBe(
      `${start} --dtype=float16 --max-model-len=4096 ${end}` +
        ' --speculative-config={"model":"/draft","num_speculative_tokens":4} --gpu-memory-utilization=0.85' +
        " --cpu-offload-gb=2 --block-size=16 --kv-cache-dtype=fp8 --enforce-eager --no-enable-chunked-prefill" +
        " --max-num-seqs=64 --max-num-batched-tokens=8192 --tensor-parallel-size=2 --pipeline-parallel-size=2" +
        ' --quantization=awq --compilation-config={"mode":3,"cudagraph_capture_sizes":[1,2]}' +
        ' --attention-config={"backend":"FLASH_ATTN","flash_attn_version":3}',
    )
  })

  test("the number format may be the weights' own, and the context holds prompt and output", () => {
    const dataset = { n: 4, input_len: 1000, output_len: 200, seed: 1 }
    expect(argv({ precision: null, dataset })).toBe(`${start} --max-model-len=1280 ${end}`)
    expect(argv({ dataset: "aienergyscore" })).toContain("--dtype=bfloat16 --max-model-len=768 ")
    expect(argv({ random_seed: -1 })).toContain("--seed=2147483647 ")
  })

  test("unknown keys of the section and passthrough_kwargs are flags; they replace those that llem gives", () => {
    const engineSection = {
      hf_overrides: { rope_theta: 1e6 },
      async_scheduling: false,
      generation_config: "auto",
      enable_log_requests: true,
      stream_interval: 2,
    }
    expect(argv({ vllm: { engine: engineSection }, passthrough_kwargs: { load_format: "dummy" } })).toBe(
      `${start} --dtype=bfloat16 --max-model-len=256 --no-enable-prefix-caching --generation-config=auto` +
        ' --enable-log-requests --disable-uvicorn-access-log --hf-overrides={"rope_theta":1000000}' +
        " --no-async-scheduling --stream-interval=2 --load-format=dummy",
    )
  })

  test("a prefix cache that a study asks for is emptied between experiments", () => {
    const launch = launched({ vllm: { engine: { enable_prefix_caching: true } } })
    expect(launch.argv).toContain("--enable-prefix-caching")
    expect(launch.resetPath).toBe("/reset_prefix_cache")
    expect(launch.env["VLLM_SERVER_DEV_MODE"]).toBe("1")
    expect(launched().resetPath).toBeUndefined()
  })

  test("an adapter is loaded from its folder and served under its own name", () => {
    const lora = { adapter_path: "/adapters/a=b, c", merge_weights: false }
    const launch = launched({ lora })
    expect(launch.argv).toContain("--enable-lora")
    expect(launch.argv).toContain('--lora-modules={"name":"adapter","path":"/adapters/a=b, c"}')
    expect(launch.mounts).toContainEqual({ hostPath: "/adapters/a=b, c", readOnly: true })
    expect(body({ lora }).model).toBe("adapter")
  })

  test("folders and files that options name are seen where the engine runs", () => {
    const vllm = { engine: { speculative_model: "/draft", num_speculative_tokens: 2, tokenizer: "/tok" } }
    const given = { vllm, passthrough_kwargs: { chat_template: "/t.jinja" } }
    expect(engine.files(experiment(given))).toEqual(["/draft", "/tok", "/t.jinja"])
    expect(launched(given).mounts.map(({ hostPath }) => hostPath)).toEqual([
      "/hub/models--org--name",
      "/draft",
      "/tok",
      "/t.jinja",
    ])
  })
})

describe("what vLLM cannot do", () => {
  test("models in other formats", () => {
    for (const name of ["gpt2", "org/name", "./dir", "/abs/dir", { hf: "org/name", gguf: "a.gguf" }])
      expect(fields({ model: name })).toEqual([])
    for (const name of ["a.gguf", "synthetic:15m", { gguf: "a.gguf" }, { hf: "a.gguf" }])
      expect(fields({ model: name })).toEqual(["model"])
  })

  test("is said of each field, by its path", () => {
    const { decoder } = experiment()
    const engineFields = (section: Record<string, unknown>) => fields({ vllm: { engine: section } })
    expect(fields({ decoder: { ...decoder, min_p: 0.1, min_new_tokens: 16 } })).toEqual([])
    expect(fields({ decoder: { ...decoder, min_new_tokens: 17 } })).toEqual(["decoder.min_new_tokens"])
    expect(engineFields({ swap_space: 4 })).toEqual(["vllm.engine.swap_space"])
    expect(engineFields({ swap_space: 0 })).toEqual([])
    expect(engineFields({ speculative_model: "org/draft", num_speculative_tokens: 2 })).toEqual([
      "vllm.engine.speculative_model",
    ])
    expect(engineFields({ num_speculative_tokens: 2 })).toEqual(["vllm.engine.num_speculative_tokens"])
    expect(fields({ vllm: { engine: { tensor_parallel_size: 2 } }, devices: [0] })).toEqual([
      "vllm.engine.tensor_parallel_size",
    ])
    expect(fields({ lora: { adapter_id: "org/a", merge_weights: true } })).toEqual([
      "lora.adapter_id",
      "lora.merge_weights",
    ])
    expect(fields({ lora: { adapter_path: "a", merge_weights: false } })).toEqual(["lora.adapter_path"])
  })

  test("beams, several outputs of a prompt, and lengths that contradict the experiment's", () => {
    expect(fields({ vllm: { beam_search: { beam_width: 4, length_penalty: 1 } } })).toEqual([
      "vllm.beam_search.beam_width",
      "vllm.beam_search.length_penalty",
    ])
    expect(fields({ vllm: { sampling: { n: 2 } } })).toEqual(["vllm.sampling.n"])
    expect(fields({ vllm: { sampling: { n: 1, max_tokens: 16 } } })).toEqual([])
    expect(fields({ vllm: { sampling: { max_tokens: 99 } } })).toEqual(["vllm.sampling.max_tokens"])
    expect(fields({ vllm: { sampling: { min_tokens: 17 } } })).toEqual(["vllm.sampling.min_tokens"])
    expect(fields({ vllm: { sampling: { temperature: 1, stream: false, stop: ["x"] } } })).toEqual([
      "vllm.sampling.temperature",
      "vllm.sampling.stream",
    ])
  })

  test("flags that llem sets itself or that would hide the server, and values that are no flags", () => {
    const handed = (section: Record<string, unknown>) => fields({ passthrough_kwargs: section })
    expect(
      handed({ port: 80, model_tag: "x", api_key: "x", hf_token: "x", seed: 1, "data parallel": 1, trust: null }),
    ).toHaveLength(7)
    expect(handed({ cudagraph_capture_sizes: [1, 2], middleware: [] })).toHaveLength(2)
    expect(handed({ allowed_origins: ["*"], trust_remote_code: true })).toEqual([])
    expect(handed({ no_enforce_eager: true })).toEqual(["passthrough_kwargs.no_enforce_eager"])
    expect(fields({ vllm: { engine: { tensor_parallel_size: 1 } }, passthrough_kwargs: { tp: 2 } })).toEqual([
      "passthrough_kwargs.tp",
    ])
  })

  const Section = Schema.Record(Schema.String, Schema.Unknown)
  prop("what has no problem is one flag; what has one keeps the engine from starting", arbitraryOf(Section), (some) => {
    const bad = new Set(fields({ passthrough_kwargs: some }))
    const launch = engine.launch(experiment({ passthrough_kwargs: some }), model)
    expect(Result.isFailure(launch)).toBe(bad.size > 0)
    const good = Object.fromEntries(Object.entries(some).filter(([key]) => !bad.has(`passthrough_kwargs.${key}`)))
    expect(launched({ passthrough_kwargs: good }).argv.length - launched().argv.length).toBe(Object.keys(good).length)
  })

  test("a batch size under another name, which the load would not know of", () => {
    expect(fields({ passthrough_kwargs: { max_num_seqs: 8 } })).toEqual(["passthrough_kwargs.max_num_seqs"])
  })

  const Known = Schema.Struct({
    key: Schema.Literals(["enforce_eager", "quantization", "stream_interval", "hf_overrides", "load_format"]),
    value: Schema.Union([
      Schema.Finite,
      Schema.Boolean,
      Schema.String,
      Schema.Record(Schema.String, Schema.Union([Schema.Finite, Schema.String])),
    ]),
  })
  prop("an option never grows into several arguments, whatever its value", arbitraryOf(Known), ({ key, value }) => {
    const before = launched().argv
    const now = launched({ vllm: { engine: { [key]: value } } }).argv
    expect(now.slice(0, -1)).toEqual([...before])
    const name = Flags.longName(key, commandLine)
    expect(now.at(-1)).toStartWith(value === false ? `--no-${name}` : `--${name}`)
  })
})

describe("a request to vLLM", () => {
  test("asks for exact lengths, the counts and ids of each chunk", () => {
    const encoded = engine.encode(experiment(), launched(), { id: 3, prompt: [1, 2], maxOutputTokens: 16 })
    expect(encoded).toMatchObject({ path: "/v1/completions", headers: {} })
    expect(JSON.parse(encoded.body)).toEqual({
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
  })

  test("samples as the study says", () => {
    const decoder = { temperature: 0.7, do_sample: true, top_k: 40, top_p: 0.9, repetition_penalty: 1 }
    expect(body({ decoder })).toMatchObject({ temperature: 0.7, top_k: 40, top_p: 0.9, min_p: 0 })
    expect(body({ decoder })).not.toContainKey("repetition_penalty")
    expect(body({ decoder: { ...decoder, repetition_penalty: 1.2, min_new_tokens: 4 } })).toMatchObject({
      repetition_penalty: 1.2,
      min_tokens: 4,
    })
    expect(body({ decoder: { ...decoder, do_sample: false } }).temperature).toBe(0)
  })

  test("carries what vllm.sampling has, known and not", () => {
    const sampling = { min_tokens: 2, presence_penalty: 0.5, frequency_penalty: 0.1, ignore_eos: false, stop: ["x"] }
    expect(body({ vllm: { sampling } })).toMatchObject({ ...sampling, max_tokens: 16 })
    expect(engine.exactLengths(experiment({ vllm: { sampling } }))).toBe(false)
  })

  test("a person's own prompts are cut at their limit and may end by themselves", () => {
    const own = body({ dataset: "prompts.jsonl", max_input_tokens: 100 }, "once upon")
    expect(own).toMatchObject({ prompt: "once upon", truncate_prompt_tokens: 100, ignore_eos: false })
  })

  test("as many at once as the section says, else as the load, else as its servers take at least", () => {
    expect(engine.batchSize(experiment({ vllm: { engine: { max_num_seqs: 8 } } }))).toBe(8)
    expect(engine.batchSize(experiment({ load: { mode: "concurrency", concurrency: 4 } }))).toBe(4)
    expect(engine.batchSize(experiment())).toBe(256)
  })
})
