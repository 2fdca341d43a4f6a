import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { ResolvedModel } from "../../src/engines/Engine.ts"
import * as Engines from "../../src/engines/Engines.ts"
import { engine } from "../../src/engines/llamacpp/engine.ts"
import * as Options from "../../src/engines/llamacpp/Options.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { experiment as sample } from "../store/samples.ts"

const experiment = (over: Partial<Experiment> = {}): Experiment => sample({ backend: "llamacpp", ...over })

const model: ResolvedModel = {
  path: "/models/a file.gguf",
  engineFolders: ["/cache"],
  sizeBytes: 1,
  sha256: null,
  weights: null,
}

const fields = (over: Partial<Experiment>) => engine.unsupported(experiment(over)).map(({ field }) => field)
const launched = (over: Partial<Experiment> = {}) => Result.getOrThrow(engine.launch(experiment(over), model))
const argv = (over: Partial<Experiment> = {}) => launched(over).argv.join(" ")
const body = (over: Partial<Experiment>, id = 3) =>
  JSON.parse(engine.encode(experiment(over), launched(over), { id, prompt: [1, 2], maxOutputTokens: 9 }).body)

const start = "--model /models/a file.gguf --alias model --host {host} --port {port}"
const end = "--no-cache-prompt --cache-ram 0 --ctx-checkpoints 0 --metrics --offline --no-ui"

describe("the launch of llama-server", () => {
  test("is what the registry gives for its backend", () => {
    expect(Engines.byBackend("llamacpp")).toBe(engine)
    expect(Engines.available).toContain("llamacpp")
  })

  test("without any setting: one slot, the engine's own threads and layers, nothing kept of earlier prompts", () => {
    const launch = launched()
    expect(launch.argv).toEqual([
      "--model",
      "/models/a file.gguf",
      "--alias",
      "model",
      "--host",
      "{host}",
      "--port",
      "{port}",
      "--parallel",
      "1",
      "--ctx-size",
      "256",
      "--no-cache-prompt",
      "--cache-ram",
      "0",
      "--ctx-checkpoints",
      "0",
      "--metrics",
      "--offline",
      "--no-ui",
    ])
    expect(launch).toMatchObject({
      backend: "llamacpp",
      program: { kind: "command", name: "llama-server" },
      env: {},
      mounts: [{ hostPath: "/models/a file.gguf", readOnly: true }],
      secretNames: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
      readinessPath: "/health",
      infoPath: "/props",
      versionField: "build_info",
      container: { command: null, anyUser: true, writable: [] },
    })
  })

  test("with every field of the section; the context is shared out among the slots", () => {
    const llamacpp = { parallel: 8, gpu_layers: 99, threads: 6, context_size: 1000, ignore_eos: false }
    expect(argv({ llamacpp })).toBe(`${start} --parallel 8 --ctx-size 8000 --threads 6 --gpu-layers 99 ${end}`)
  })

  test("each slot's share of the context holds prompt and output, and slots follow the concurrency", () => {
    const dataset = { n: 4, input_len: 200, output_len: 56, seed: 1 }
    const load = { mode: "concurrency", concurrency: 4 } as const
    expect(argv({ dataset, load })).toBe(`${start} --parallel 4 --ctx-size 2048 ${end}`)
    expect(argv({ dataset, load, llamacpp: { parallel: 2 } })).toStartWith(`${start} --parallel 2 --ctx-size 1024 `)
    expect(argv({ dataset: "aienergyscore" })).toStartWith(`${start} --parallel 1 --ctx-size 768 `)
  })

  test("unknown keys of the section and passthrough_kwargs are options; they replace those that llem gives", () => {
    const llamacpp = {
      cache_type_k: "q8_0",
      flash_attn: true,
      mmap: false,
      rope_freq_scale: 0.5,
      cpu_moe: false,
      tensor_split: [3, 1],
      cache_ram: 512,
      metrics: false,
    }
    expect(argv({ llamacpp, passthrough_kwargs: { ubatch_size: 256, verbose: true } })).toBe(
      `${start} --parallel 1 --ctx-size 256 --no-cache-prompt --cache-ram 512 --ctx-checkpoints 0 --offline --no-ui` +
        " --ubatch-size 256 --verbose --cache-type-k q8_0 --flash-attn on --no-mmap --rope-freq-scale 0.5" +
        " --tensor-split 3,1",
    )
  })

  test("no devices means none at all, not even for large products", () => {
    expect(argv({ devices: "none" })).toBe(`${start} --parallel 1 --ctx-size 256 --gpu-layers 0 --device none ${end}`)
    expect(argv({ devices: [] })).toContain("--device none")
    expect(argv({ llamacpp: { gpu_layers: 0 } })).toBe(`${start} --parallel 1 --ctx-size 256 --gpu-layers 0 ${end}`)
    expect(argv({ devices: [0] })).toBe(argv())
  })

  test("files that options name are seen where the engine runs, and named to whoever brings them elsewhere", () => {
    const given = {
      llamacpp: { mmproj: "/m/proj.gguf", md: "/m/draft.gguf" },
      passthrough_kwargs: { grammar_file: "/g" },
    }
    expect(
      launched(given)
        .mounts.map(({ hostPath }) => hostPath)
        .slice(1),
    ).toEqual(["/m/proj.gguf", "/m/draft.gguf", "/g"])
    expect(engine.files(experiment(given))).toEqual(["/m/proj.gguf", "/m/draft.gguf", "/g"])
    expect(fields({ llamacpp: { mmproj: "proj.gguf" } })).toEqual(["llamacpp.mmproj"])
  })

  test("tokens of a step are prefill_chunk; batch_size, which is requests elsewhere, is refused", () => {
    expect(argv({ llamacpp: { prefill_chunk: 512 } })).toContain("--batch-size 512")
    expect(fields({ llamacpp: { batch_size: 8 } })).toEqual(["llamacpp.batch_size"])
  })

  test("an adapter is loaded from its file, which the engine must see", () => {
    const lora = { adapter_path: "/adapters/a.gguf", merge_weights: false }
    expect(argv({ lora })).toBe(`${start} --parallel 1 --ctx-size 256 --lora /adapters/a.gguf ${end}`)
    expect(launched({ lora }).mounts).toContainEqual({ hostPath: "/adapters/a.gguf", readOnly: true })
  })
})

describe("what llama-server cannot do", () => {
  test("is said of each field, by its path", () => {
    const { decoder } = experiment()
    expect(fields({})).toEqual([])
    expect(fields({ decoder: { ...decoder, min_p: 0.1, repetition_penalty: 1.1 } })).toEqual([])
    expect(fields({ decoder: { ...decoder, min_new_tokens: 2 } })).toEqual(["decoder.min_new_tokens"])
    expect(fields({ precision: "fp16" })).toEqual(["precision"])
    expect(fields({ devices: "none", llamacpp: { gpu_layers: 1 } })).toEqual(["devices"])
    expect(fields({ llamacpp: { parallel: 257 } })).toEqual(["llamacpp.parallel"])
    expect(fields({ load: { mode: "concurrency", concurrency: 300 } })).toEqual(["load.concurrency"])
  })

  test("models that are no GGUF, adapters of a hub or without a whole path, merged adapters", () => {
    for (const name of ["a.gguf", "./dir/weights", "synthetic:15m-q8_0"]) expect(fields({ model: name })).toEqual([])
    for (const name of ["gpt2", "meta-llama/Llama-3.2-1B", "synthetic:3b", { hf: "org/a" }])
      expect(fields({ model: name })).toEqual(["model"])
    const lora = (over: object) => fields({ lora: { merge_weights: false, ...over } })
    expect(lora({ adapter_id: "org/adapter" })).toEqual(["lora.adapter_id"])
    expect(lora({ adapter_path: "adapters/a.gguf" })).toEqual(["lora.adapter_path"])
    expect(lora({})).toEqual(["lora.adapter_path"])
    expect(lora({ adapter_path: "/a.gguf", merge_weights: true })).toEqual(["lora.merge_weights"])
  })

  test("options that llem sets itself or that would hide the server, by any of their names", () => {
    expect(
      fields({ llamacpp: { port: 80, n_gpu_layers: 3, ctx_size: 9, api_key: "x", hf_token: "x", temp: 1 } }),
    ).toEqual([
      "llamacpp.port",
      "llamacpp.n_gpu_layers",
      "llamacpp.ctx_size",
      "llamacpp.api_key",
      "llamacpp.hf_token",
      "llamacpp.temp",
    ])
    expect(fields({ passthrough_kwargs: { m: "/other.gguf", top_k: 5 } })).toEqual([
      "passthrough_kwargs.m",
      "passthrough_kwargs.top_k",
    ])
  })

  test("keys and values that are no options", () => {
    const message = (section: Record<string, unknown>) =>
      engine.unsupported(experiment({ llamacpp: section })).map((problem) => problem.message)
    expect(message({ no_mmap: true })).toEqual(["write mmap: false"])
    expect(message({ "rm -rf": 1, Batch: 2, "-x": 3 })).toHaveLength(3)
    expect(message({ batch_size: {}, ubatch_size: [], poll: null, prio: Number.NaN })).toHaveLength(4)
    expect(message({ mmap: true, cram: 0, cache_ram: 1 })).toEqual(["it is given twice, under two names"])
    expect(fields({ llamacpp: { mlock: true }, passthrough_kwargs: { mlock: false } })).toEqual([
      "passthrough_kwargs.mlock",
    ])
  })

  const Section = Schema.Record(Schema.String, Schema.Unknown)
  prop(
    "what has no problem is handed on whole, one name each; what has one stays out",
    arbitraryOf(Section),
    (some) => {
      const bad = new Set(Options.problems(some, "x").map(({ field }) => field))
      const good = Object.fromEntries(Object.entries(some).filter(([key]) => !bad.has(`x.${key}`)))
      expect(Options.from(good).size).toBe(Object.keys(good).length)
      const launch = engine.launch(experiment({ passthrough_kwargs: some }), model)
      expect(Result.isFailure(launch)).toBe(bad.size > 0)
    },
  )

  const Known = Schema.Struct({
    key: Schema.Literals(["ubatch_size", "poll", "cache_type_k", "mlock", "flash_attn", "tensor_split"]),
    value: Schema.Union([
      Schema.Int,
      Schema.Boolean,
      Schema.NonEmptyString,
      Schema.NonEmptyArray(Schema.Union([Schema.Finite, Schema.String])),
    ]),
  })
  prop("an option never grows into several arguments, whatever its value", arbitraryOf(Known), ({ key, value }) => {
    const before = launched({ llamacpp: {} }).argv
    const now = launched({ llamacpp: { [key]: value } }).argv
    expect(now.slice(0, before.length)).toEqual([...before])
    expect(now.length - before.length).toBeLessThanOrEqual(2)
    expect(now[before.length]).toBe(
      value === false && key !== "flash_attn" ? `--no-${Options.longName(key)}` : `--${Options.longName(key)}`,
    )
  })
})

describe("a request", () => {
  test("asks for exact lengths, the counts in each chunk, and a prompt that is computed anew", () => {
    expect(body({})).toEqual({
      model: "model",
      prompt: [1, 2],
      max_tokens: 9,
      ignore_eos: true,
      temperature: 0,
      seed: 45,
      stream: true,
      stream_options: { include_usage: true },
      timings_per_token: true,
      cache_prompt: false,
    })
  })

  test("samples as the study says, without the engine's own min_p; a penalty looks at the whole context", () => {
    const decoder = { temperature: 0.7, do_sample: true, top_k: 40, top_p: 0.9, repetition_penalty: 1 }
    expect(body({ decoder })).toMatchObject({ temperature: 0.7, top_k: 40, top_p: 0.9, min_p: 0 })
    expect(body({ decoder })).not.toContainKey("repeat_penalty")
    expect(body({ decoder: { ...decoder, min_p: 0.2, repetition_penalty: 1.1 } })).toMatchObject({
      min_p: 0.2,
      repeat_penalty: 1.1,
      repeat_last_n: -1,
    })
    const greedy = body({ decoder: { ...decoder, do_sample: false } })
    expect(greedy.temperature).toBe(0)
    expect(greedy).not.toContainKey("top_k")
  })

  test("keeps the prompt cache where a study asks for it", () => {
    expect(body({ llamacpp: { cache_prompt: true } }).cache_prompt).toBe(true)
    expect(argv({ llamacpp: { cache_prompt: true } })).toContain("--cache-prompt --cache-ram 0")
    expect(body({ passthrough_kwargs: { cache_prompt: true } }).cache_prompt).toBe(true)
  })

  test("a person's own prompts may end by themselves", () => {
    expect(engine.exactLengths(experiment({ dataset: "prompts.jsonl" }))).toBe(false)
    expect(engine.exactLengths(experiment({ dataset: "aienergyscore" }))).toBe(true)
    expect(body({ llamacpp: { ignore_eos: false } }).ignore_eos).toBe(false)
  })

  const Seeds = Schema.Struct({
    seed: Schema.Int,
    id: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 })),
  })
  prop("its seed is never one that the server takes for none", arbitraryOf(Seeds), ({ seed, id }) => {
    const one = body({ random_seed: seed }, id)
    expect(one.seed).toBeGreaterThanOrEqual(0)
    expect(one.seed).toBeLessThan(2 ** 31)
    expect(body({ random_seed: seed }, id + 1).seed).not.toBe(one.seed)
  })
})
