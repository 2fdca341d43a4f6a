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
    n: intAtLeast(1),
    input_len: intAtLeast(1),
    output_len: intAtLeast(1),
    seed: Schema.Int,
  }),
])
export type Dataset = typeof Dataset.Type

export const Decoder = Schema.Struct({
  temperature: between(0, 2),
  do_sample: Schema.Boolean,
  top_k: intAtLeast(0),
  top_p: between(0, 1),
  repetition_penalty: between(0.1, 10),
  min_p: optional(between(0, 1)),
  min_new_tokens: optional(intAtLeast(1)),
})
export type Decoder = typeof Decoder.Type

export const Warmup = Schema.Struct({
  enabled: Schema.Boolean,
  n_warmup: intAtLeast(1),
  thermal_floor_seconds: numberAtLeast(0),
  convergence_detection: Schema.Boolean,
  cv_threshold: between(0.01, 0.5),
  max_prompts: intAtLeast(5),
  window_size: intAtLeast(3),
  min_prompts: intAtLeast(1),
})
export type Warmup = typeof Warmup.Type

export const Baseline = Schema.Struct({ enabled: Schema.Boolean, duration_seconds: between(5, 120) })
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
  mode: LoadMode,
  concurrency: optional(intAtLeast(1)),
  rate: optional(Schema.Finite.check(Schema.isGreaterThan(0))),
  burstiness: optional(Schema.Finite.check(Schema.isGreaterThan(0))),
  duration_seconds: optional(Schema.Finite.check(Schema.isGreaterThan(0))),
  slo: optional(
    Schema.Struct({
      ttft_seconds: optional(numberAtLeast(0)),
      tpot_seconds: optional(numberAtLeast(0)),
      e2e_seconds: optional(numberAtLeast(0)),
      percentile: optional(between(0, 100)),
    }),
  ),
  trace: optional(Schema.NonEmptyString),
  seed: optional(Schema.Int),
})
export type Load = typeof Load.Type

export const EnergySection = Schema.Struct({
  backend: Schema.NullOr(Schema.Literals(["auto", "nvml", "rapl", "amd", "intel", "grace", "external", "estimate"])),
  sample_hz: between(1, 100),
  carbon_intensity_gco2_kwh: optional(numberAtLeast(0)),
  datacenter_pue: optional(numberAtLeast(1)),
  external: optional(Schema.Record(Schema.String, Schema.Unknown)),
})

export const Cost = Schema.Struct({
  per_kwh: optional(numberAtLeast(0)),
  per_gpu_hour: optional(numberAtLeast(0)),
  currency: optional(Schema.NonEmptyString),
})

export const Lora = Schema.Struct({
  adapter_id: optional(Schema.NonEmptyString),
  adapter_path: optional(Schema.NonEmptyString),
  merge_weights: Schema.Boolean,
})

/**
 * One experiment with every default filled in, in the file's own field names: what is hashed, planned, run and
 * recorded. It encodes to a document that decodes to itself.
 */
export const Experiment = Schema.Struct({
  model: Model,
  backend: Backend,
  n: described(intAtLeast(1), "Number of requests"),
  /** null: the weights' own format, as the file has it. */
  precision: Schema.NullOr(Schema.Literals(["fp32", "fp16", "bf16"])),
  random_seed: Schema.Int,
  dataset: Dataset,
  dataset_order: Schema.Literals(["interleaved", "grouped", "shuffled"]),
  max_input_tokens: intAtLeast(1),
  max_output_tokens: intAtLeast(1),
  decoder: Decoder,
  warmup: Warmup,
  baseline: Baseline,
  energy: EnergySection,
  load: Load,
  cost: optional(Cost),
  devices: optional(
    Schema.Union([Schema.Literals(["all", "none"]), Schema.Array(Schema.Union([Schema.Int, Schema.NonEmptyString]))]),
  ),
  lora: optional(Lora),
  passthrough_kwargs: optional(Schema.Record(Schema.String, Schema.Unknown)),
  pytorch: optional(PytorchSection),
  vllm: optional(VllmSection),
  tensorrt: optional(TensorrtSection),
  sglang: optional(SglangSection),
  llamacpp: optional(LlamacppSection),
  embedded: optional(EmbeddedSection),
  endpoint: optional(EndpointSection),
})
export type Experiment = typeof Experiment.Type
