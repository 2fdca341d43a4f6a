import { Schema } from "effect"
import { Backend } from "./Backend.ts"
import {
  EmbeddedSection,
  EndpointSection,
  LlamacppSection,
  PytorchSection,
  SglangSection,
  TensorrtSection,
  VllmSection,
} from "./EngineSections.ts"
import { between, described, intAtLeast, numberAtLeast, optional } from "./Fields.ts"

/** A model by name, path or `synthetic:` shape, or one in two forms so that engines of both kinds can share a study. */
export const Model = Schema.Union([
  Schema.NonEmptyString,
  Schema.Struct({ gguf: optional(Schema.NonEmptyString), hf: optional(Schema.NonEmptyString) }),
])
export type Model = typeof Model.Type

/** Prompts: a named set or a file, or synthetic ones of exact lengths in tokens. */
export const Dataset = Schema.Union([
  Schema.NonEmptyString,
  Schema.Struct({
    n: described(intAtLeast(1), "Number of requests"),
    input_len: described(intAtLeast(1), "Prompt length, tokens, exact"),
    output_len: described(intAtLeast(1), "Output length, tokens"),
    seed: described(Schema.Int, "Seed of the synthetic prompts"),
  }),
])
export type Dataset = typeof Dataset.Type

export const Decoder = Schema.Struct({
  temperature: described(between(0, 2), "Sampling temperature"),
  do_sample: described(Schema.Boolean, "false is greedy decoding"),
  top_k: described(intAtLeast(0), "Sample among the K likeliest tokens; 0 is off"),
  top_p: described(between(0, 1), "Nucleus sampling; 1 is off"),
  repetition_penalty: described(between(0.1, 10), "1 is off"),
  min_p: optional(described(between(0, 1), "Leave out tokens less likely than this share of the likeliest")),
  min_new_tokens: optional(described(intAtLeast(1), "No end of text before this many tokens")),
})
export type Decoder = typeof Decoder.Type

export const Warmup = Schema.Struct({
  enabled: described(Schema.Boolean, "false skips the warm-up and the thermal floor"),
  n_warmup: described(intAtLeast(1), "Warm-up requests before the window"),
  thermal_floor_seconds: described(
    numberAtLeast(0),
    "Pause between warm-up and window that lets temperatures settle, seconds",
  ),
  convergence_detection: described(
    Schema.Boolean,
    "Warm up until latencies settle instead of a fixed number of requests",
  ),
  cv_threshold: described(
    between(0.01, 0.5),
    "Settled when the coefficient of variation of recent latencies is below this",
  ),
  max_prompts: described(intAtLeast(5), "With convergence detection: most warm-up requests"),
  window_size: described(intAtLeast(3), "With convergence detection: number of recent latencies looked at"),
  min_prompts: described(intAtLeast(1), "With convergence detection: fewest warm-up requests"),
})
export type Warmup = typeof Warmup.Type

export const Baseline = Schema.Struct({
  enabled: described(Schema.Boolean, "Measure idle power before the window"),
  duration_seconds: described(between(5, 120), "Length of the idle measurement, seconds"),
})
export type Baseline = typeof Baseline.Type

export const LoadMode = Schema.Literals([
  "offline",
  "concurrency",
  "constant",
  "poisson",
  "gamma",
  "burst",
  "ramp",
  "trace",
  "search",
])
export type LoadMode = typeof LoadMode.Type

/** How requests arrive; absent fields do not apply to the mode. */
export const Load = Schema.Struct({
  mode: described(
    LoadMode,
    "How requests arrive; left out, it follows from concurrency or rate, else offline: everything at once",
  ),
  concurrency: optional(described(intAtLeast(1), "Requests in flight")),
  rate: optional(described(Schema.Finite.check(Schema.isGreaterThan(0)), "Requests per second")),
  burstiness: optional(
    described(Schema.Finite.check(Schema.isGreaterThan(0)), "Shape of gamma arrivals: 1 is Poisson, below 1 burstier"),
  ),
  duration_seconds: optional(described(Schema.Finite.check(Schema.isGreaterThan(0)), "Length of the load, seconds")),
  slo: optional(
    Schema.Struct({
      ttft_seconds: optional(described(numberAtLeast(0), "Limit of time to first token, seconds")),
      tpot_seconds: optional(described(numberAtLeast(0), "Limit of time per output token, seconds")),
      e2e_seconds: optional(described(numberAtLeast(0), "Limit of end-to-end latency, seconds")),
      percentile: optional(described(between(0, 100), "Percentile of requests that must keep the limits")),
    }),
  ),
  trace: optional(described(Schema.NonEmptyString, "File with arrival times to replay")),
  seed: optional(described(Schema.Int, "Seed of random arrivals")),
})
export type Load = typeof Load.Type

export const EnergySection = Schema.Struct({
  backend: described(
    Schema.NullOr(Schema.Literals(["auto", "nvml", "rapl", "amd", "intel", "grace", "external", "estimate"])),
    "What meters energy; auto picks the best there is, null is no metering",
  ),
  sample_hz: described(between(1, 100), "Power samples per second"),
  carbon_intensity_gco2_kwh: optional(described(numberAtLeast(0), "Grams of CO2 equivalent per kWh, for emissions")),
  datacenter_pue: optional(described(numberAtLeast(1), "Power usage effectiveness of the site")),
  external: optional(described(Schema.Record(Schema.String, Schema.Unknown), "Settings of an external meter")),
})

export const Cost = Schema.Struct({
  per_kwh: optional(described(numberAtLeast(0), "Price of a kWh")),
  per_gpu_hour: optional(described(numberAtLeast(0), "Price of a GPU for an hour")),
  currency: optional(described(Schema.NonEmptyString, "Currency of both prices")),
})

export const Lora = Schema.Struct({
  adapter_id: optional(described(Schema.NonEmptyString, "Adapter by Hugging Face id")),
  adapter_path: optional(described(Schema.NonEmptyString, "Adapter by path")),
  merge_weights: described(Schema.Boolean, "Merge the adapter into the weights before the run"),
})

/**
 * One experiment with every default filled in, in the file's own field names: what is hashed, planned, run and
 * recorded. It encodes to a document that decodes to itself.
 */
export const Experiment = Schema.Struct({
  model: described(Model, "Name, path, synthetic:<15m|110m|1b>[-q4_0|-q8_0|-f16], or {gguf: PATH, hf: PATH or ID}"),
  backend: described(Backend, "Inference engine"),
  n: described(intAtLeast(1), "Number of requests"),
  /** null: the weights' own format, as the file has it. */
  precision: described(
    Schema.NullOr(Schema.Literals(["fp32", "fp16", "bf16"])),
    "Number format of weights and activations; null is the weights' own format",
  ),
  random_seed: described(Schema.Int, "Seed of sampling"),
  dataset: described(Dataset, "A named set, a JSONL file, or synthetic prompts of exact lengths"),
  dataset_order: described(Schema.Literals(["interleaved", "grouped", "shuffled"]), "Order in which prompts are sent"),
  max_input_tokens: described(intAtLeast(1), "Longer prompts are cut, tokens"),
  max_output_tokens: described(intAtLeast(1), "Most tokens generated per request"),
  decoder: described(Decoder, "How tokens are chosen"),
  warmup: described(Warmup, "What happens before the measured window"),
  baseline: described(Baseline, "Idle power measured before the window"),
  energy: described(EnergySection, "Metering"),
  load: described(Load, "How requests arrive"),
  cost: optional(described(Cost, "Prices, for cost per token")),
  devices: optional(
    described(
      Schema.Union([Schema.Literals(["all", "none"]), Schema.Array(Schema.Union([Schema.Int, Schema.NonEmptyString]))]),
      "GPUs to use, by index or UUID; all or none",
    ),
  ),
  lora: optional(described(Lora, "A LoRA adapter")),
  passthrough_kwargs: optional(
    described(Schema.Record(Schema.String, Schema.Unknown), "Further arguments handed to the engine as they are"),
  ),
  pytorch: optional(
    described(PytorchSection, "Settings of PyTorch (transformers); absent ones keep the engine's own default"),
  ),
  vllm: optional(described(VllmSection, "Settings of vLLM; absent ones keep the engine's own default")),
  tensorrt: optional(described(TensorrtSection, "Settings of TensorRT-LLM; absent ones keep the engine's own default")),
  sglang: optional(described(SglangSection, "Settings of SGLang; absent ones keep the engine's own default")),
  llamacpp: optional(
    described(LlamacppSection, "Settings of the llama.cpp server; absent ones keep the engine's own default"),
  ),
  embedded: optional(described(EmbeddedSection, "Settings of the built-in engine")),
  endpoint: optional(described(EndpointSection, "A server that is already running")),
})
export type Experiment = typeof Experiment.Type
