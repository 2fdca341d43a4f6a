import { Schema } from "effect"
import { Backend } from "../domain/Backend.ts"
import {
  EmbeddedSection,
  EndpointSection,
  LlamacppSection,
  PytorchSection,
  SglangSection,
  TensorrtSection,
  VllmSection,
} from "../domain/EngineSections.ts"
import { Cost, LoadMode, Model } from "../domain/Experiment.ts"
import { between, described, intAtLeast, numberAtLeast } from "../domain/Fields.ts"
import { ExecutionInput } from "../domain/Study.ts"

const may = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(schema)
const positive = Schema.Finite.check(Schema.isGreaterThan(0))
const text = Schema.NonEmptyString

/** Sampling presets; values that are given win over a preset's. */
export const presets = {
  deterministic: { temperature: 0, do_sample: false },
  standard: { temperature: 1, do_sample: true, top_p: 0.95 },
  creative: { temperature: 0.8, do_sample: true, top_p: 0.9, repetition_penalty: 1.1 },
  factual: { temperature: 0.3, do_sample: true },
} as const

const DecoderInput = Schema.Struct({
  preset: may(Schema.Literals(["deterministic", "standard", "creative", "factual"])),
  temperature: may(described(between(0, 2), "Sampling temperature; default 1")),
  do_sample: may(described(Schema.Boolean, "false is greedy decoding; default true")),
  top_k: may(described(intAtLeast(0), "0 is off; default 50")),
  top_p: may(described(between(0, 1), "1 is off; default 1")),
  repetition_penalty: may(described(between(0.1, 10), "1 is off; default 1")),
  min_p: may(between(0, 1)),
  min_new_tokens: may(intAtLeast(1)),
})

const DatasetInput = Schema.Union([
  text,
  Schema.Struct({
    n: may(intAtLeast(1)),
    input_len: may(described(intAtLeast(1), "Prompt length in tokens; default 512")),
    output_len: may(described(intAtLeast(1), "Output length in tokens; default 128")),
    seed: may(Schema.Int),
  }),
])

const WarmupInput = Schema.Struct({
  enabled: may(Schema.Boolean),
  n_warmup: may(described(intAtLeast(1), "Warm-up prompts; default 5")),
  thermal_floor_seconds: may(described(numberAtLeast(0), "Pause before the window; default 60")),
  convergence_detection: may(Schema.Boolean),
  cv_threshold: may(between(0.01, 0.5)),
  max_prompts: may(intAtLeast(5)),
  window_size: may(intAtLeast(3)),
  min_prompts: may(intAtLeast(1)),
})

const LoadInput = Schema.Struct({
  mode: may(LoadMode),
  concurrency: may(intAtLeast(1)),
  rate: may(described(positive, "Requests per second")),
  burstiness: may(positive),
  duration_seconds: may(positive),
  n: may(intAtLeast(1)),
  slo: may(
    Schema.Struct({
      ttft_seconds: may(numberAtLeast(0)),
      tpot_seconds: may(numberAtLeast(0)),
      e2e_seconds: may(numberAtLeast(0)),
      percentile: may(between(0, 100)),
    }),
  ),
  trace: may(text),
  seed: may(Schema.Int),
})

/** Names of the Python tool's energy backends are understood: zeus means nvml, codecarbon means auto. */
const EnergyInput = Schema.Struct({
  backend: may(
    Schema.NullOr(
      Schema.Literals(["auto", "nvml", "rapl", "amd", "intel", "grace", "external", "estimate", "zeus", "codecarbon"]),
    ),
  ),
  sample_hz: may(described(between(1, 100), "Samples per second; default 10")),
  carbon_intensity_gco2_kwh: may(numberAtLeast(0)),
  datacenter_pue: may(numberAtLeast(1)),
  external: may(Schema.Record(Schema.String, Schema.Unknown)),
})

const LoraInput = Schema.Struct({
  adapter_id: may(text),
  adapter_path: may(text),
  merge_weights: may(Schema.Boolean),
})

/** Fields of an experiment as a person writes them; all but `model` have a default. */
export const experimentFields = {
  model: described(Model, "Name, path, synthetic:<15m|110m|1b>[-q4_0|-q8_0|-f16], or {gguf: PATH, hf: PATH or ID}"),
  backend: may(described(Backend, "Default: embedded for a GGUF or synthetic model, else pytorch")),
  n: may(described(intAtLeast(1), "Number of requests; default 100")),
  precision: may(
    described(Schema.Literals(["fp32", "fp16", "bf16"]), "Default: a GGUF's own weight format, else bf16"),
  ),
  random_seed: may(described(Schema.Int, "Default 42")),
  dataset: may(described(DatasetInput, "A named set, a JSONL file, or synthetic prompts of exact lengths")),
  dataset_order: may(Schema.Literals(["interleaved", "grouped", "shuffled"])),
  max_input_tokens: may(described(intAtLeast(1), "Default 512")),
  max_output_tokens: may(described(intAtLeast(1), "Default 128")),
  decoder: may(DecoderInput),
  warmup: may(WarmupInput),
  baseline: may(
    Schema.Struct({
      enabled: may(Schema.Boolean),
      duration_seconds: may(described(between(5, 120), "Idle measurement; default 30")),
    }),
  ),
  energy: may(EnergyInput),
  load: may(LoadInput),
  cost: may(Cost),
  devices: may(
    Schema.Union([Schema.Literals(["all", "none"]), Schema.Array(Schema.Union([Schema.Int, Schema.NonEmptyString]))]),
  ),
  lora: may(LoraInput),
  passthrough_kwargs: may(Schema.Record(Schema.String, Schema.Unknown)),
  pytorch: may(PytorchSection),
  vllm: may(VllmSection),
  tensorrt: may(TensorrtSection),
  sglang: may(SglangSection),
  llamacpp: may(LlamacppSection),
  embedded: may(EmbeddedSection),
  endpoint: may(EndpointSection),
}

/** A decoded experiment before its defaults. */
export const ExperimentFields = Schema.Struct(experimentFields)
export type ExperimentFields = typeof ExperimentFields.Type

const byBackend = Schema.Struct({
  pytorch: may(text),
  vllm: may(text),
  tensorrt: may(text),
  sglang: may(text),
  llamacpp: may(text),
  embedded: may(text),
  endpoint: may(text),
})

/** Fields that speak of the file as a whole rather than of one experiment. */
export const fileFields = {
  name: may(described(text, "Name of the study and of its results folder; default: the file's name")),
  version: may(Schema.Union([Schema.String, Schema.Finite])),
  runner: may(described(text, "local, docker, docker:IMAGE, slurm, slurm:IMAGE or auto, for every backend")),
  runners: may(described(byBackend, "The same by backend; not together with runner")),
  images: may(described(byBackend, "Container image by backend")),
  output_dir: may(described(text, "Folder for results")),
  execution: may(ExecutionInput),
}

const anyValue = Schema.Unknown

/** Fields of a study: those that make a file one, and its base. */
export const studyFields = {
  base: may(described(text, "A file whose fields stand in for those that this one leaves out, relative to this file")),
  sweep: may(
    described(Schema.Record(Schema.String, anyValue), "Dotted field to a list of values; every combination is run"),
  ),
  groups: may(
    described(
      Schema.Record(Schema.String, Schema.Array(Schema.Record(Schema.String, anyValue))),
      "Named lists of variants that change several fields together",
    ),
  ),
  experiments: may(
    described(Schema.Array(Schema.Record(Schema.String, anyValue)), "Further experiments, over the fixed fields"),
  ),
}

/** A file with one experiment. */
export const ExperimentInput = Schema.Struct({ ...experimentFields, ...fileFields, base: studyFields.base })

/** A study file; `model` may come from a sweep or from the experiments. */
export const StudyInput = Schema.Struct({
  ...experimentFields,
  model: may(experimentFields.model),
  ...fileFields,
  ...studyFields,
})

/** Names that the Python tool's later grammar gave to the same things, and what to write here. */
export const renamed: Readonly<Record<string, string>> = {
  study_name: "name",
  study_execution: "execution",
  experiment_order: "execution.cycle_order",
  study_output: "output_dir",
  n_prompts: "n",
  engine: "backend",
  engines: "backend",
}
