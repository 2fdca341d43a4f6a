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
import { problemOf as imageProblem } from "../domain/ImageName.ts"
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
  preset: may(
    described(
      Schema.Literals(["deterministic", "standard", "creative", "factual"]),
      "Values to start from: deterministic (temperature 0, do_sample false), standard (1, true, top_p 0.95), creative (0.8, true, top_p 0.9, repetition_penalty 1.1), factual (0.3, true); what is given beside it wins",
    ),
  ),
  temperature: may(described(between(0, 2), "Sampling temperature; default 1")),
  do_sample: may(described(Schema.Boolean, "false is greedy decoding; default true")),
  top_k: may(described(intAtLeast(0), "0 is off; default 50")),
  top_p: may(described(between(0, 1), "1 is off; default 1")),
  repetition_penalty: may(described(between(0.1, 10), "1 is off; default 1")),
  min_p: may(described(between(0, 1), "Least probability relative to the likeliest token")),
  min_new_tokens: may(described(intAtLeast(1), "Least output tokens per request")),
})

const DatasetInput = Schema.Union([
  text,
  Schema.Struct({
    n: may(described(intAtLeast(1), "Number of requests; default: load.n, else n")),
    input_len: may(described(intAtLeast(1), "Prompt length in tokens; default 512")),
    output_len: may(described(intAtLeast(1), "Output length in tokens; default 128")),
    seed: may(described(Schema.Int, "Seed of the prompts; default 42")),
  }),
])

const WarmupInput = Schema.Struct({
  enabled: may(described(Schema.Boolean, "false leaves out warm-up and thermal floor; default true")),
  n_warmup: may(described(intAtLeast(1), "Warm-up prompts; default 5")),
  thermal_floor_seconds: may(
    described(
      numberAtLeast(0),
      "Pause in seconds before the window; default 60, under 30 the result carries a warning",
    ),
  ),
  convergence_detection: may(
    described(Schema.Boolean, "Warm up until latencies are steady instead of n_warmup prompts; default false"),
  ),
  cv_threshold: may(described(between(0.01, 0.5), "Steady below this coefficient of variation; default 0.05")),
  max_prompts: may(described(intAtLeast(5), "Most prompts until steady; default 20")),
  window_size: may(described(intAtLeast(3), "Prompts over which the variation is taken; default 5")),
  min_prompts: may(described(intAtLeast(1), "Prompts before steadiness is judged; default 5")),
})

const LoadInput = Schema.Struct({
  mode: may(
    described(LoadMode, "How requests arrive; default concurrency or poisson where that is given, else offline"),
  ),
  concurrency: may(described(intAtLeast(1), "Requests in flight; mode concurrency")),
  rate: may(described(positive, "Requests per second; modes constant, poisson and gamma")),
  burstiness: may(described(positive, "Shape of the gamma arrivals: 1 is poisson, less is burstier")),
  duration_seconds: may(described(positive, "Length of the load in seconds, in place of a number of requests")),
  n: may(described(intAtLeast(1), "Number of requests; default: dataset.n, else n")),
  slo: may(
    described(
      Schema.Struct({
        ttft_seconds: may(described(numberAtLeast(0), "Time to first token in seconds")),
        tpot_seconds: may(described(numberAtLeast(0), "Time per output token after the first, in seconds")),
        e2e_seconds: may(described(numberAtLeast(0), "Whole request in seconds")),
        percentile: may(described(between(0, 100), "Percentile that must keep the limits; mode search")),
      }),
      "Limits that a request must keep to count for goodput",
    ),
  ),
  trace: may(described(text, "File of arrival times; mode trace")),
  seed: may(described(Schema.Int, "Seed of the arrivals; default: random_seed")),
})

/** Names of meters; those of the Python tool are understood: zeus means nvml, codecarbon means auto. */
export const EnergyBackendName = Schema.Literals([
  "auto",
  "nvml",
  "rapl",
  "amd",
  "intel",
  "grace",
  "external",
  "estimate",
  "zeus",
  "codecarbon",
])

const EnergyInput = Schema.Struct({
  backend: may(
    described(
      Schema.NullOr(EnergyBackendName),
      "Meters to use; null is no metering; zeus is read as nvml, codecarbon as auto; default auto",
    ),
  ),
  sample_hz: may(described(between(1, 100), "Samples per second; default 10")),
  carbon_intensity_gco2_kwh: may(described(numberAtLeast(0), "Grams of CO2 equivalent per kWh")),
  datacenter_pue: may(described(numberAtLeast(1), "Power usage effectiveness: energy of the site over that of its IT")),
  external: may(described(Schema.Record(Schema.String, Schema.Unknown), "Settings of an external meter")),
})

const LoraInput = Schema.Struct({
  adapter_id: may(described(text, "Repository of the adapter; or adapter_path")),
  adapter_path: may(described(text, "Folder of the adapter; or adapter_id")),
  merge_weights: may(described(Schema.Boolean, "Merge the adapter into the weights; default false")),
})

/** Fields of an experiment as a person writes them; all but `model` have a default. */
export const experimentFields = {
  model: described(Model, "Name, path, synthetic:<15m|110m|1b>[-q4_0|-q8_0|-f16], or {gguf: PATH, hf: PATH or ID}"),
  backend: may(described(Backend, "Default: embedded for a GGUF or synthetic model, else pytorch")),
  n: may(described(intAtLeast(1), "Number of requests; default 100")),
  precision: may(
    described(Schema.Literals(["fp32", "fp16", "bf16"]), "Default: a GGUF's own weight format, else bf16"),
  ),
  random_seed: may(described(Schema.Int, "Seed of sampling and of prompt order; default 42")),
  dataset: may(described(DatasetInput, "A named set, a JSONL file, or synthetic prompts of exact lengths")),
  dataset_order: may(
    described(Schema.Literals(["interleaved", "grouped", "shuffled"]), "Order of the prompts; default interleaved"),
  ),
  max_input_tokens: may(described(intAtLeast(1), "Longest prompt in tokens; default 512")),
  max_output_tokens: may(described(intAtLeast(1), "Output tokens per request; default 128")),
  decoder: may(described(DecoderInput, "How tokens are chosen")),
  warmup: may(described(WarmupInput, "What comes before the window")),
  baseline: may(
    described(
      Schema.Struct({
        enabled: may(described(Schema.Boolean, "Measure idle power before the engine starts; default true")),
        duration_seconds: may(described(between(5, 120), "Length of the idle measurement in seconds; default 30")),
      }),
      "Idle power, for the energy above it",
    ),
  ),
  energy: may(described(EnergyInput, "How energy is metered")),
  load: may(described(LoadInput, "How requests arrive; default: offline, with the backend's batch size")),
  cost: may(described(Cost, "Prices, for the cost per million output tokens")),
  devices: may(
    described(
      Schema.Union([Schema.Literals(["all", "none"]), Schema.Array(Schema.Union([Schema.Int, Schema.NonEmptyString]))]),
      "GPUs that the engine gets, and so those that are metered: all, none, or indices and UUIDs; default: all visible for GPU backends, none for embedded without gpu_layers",
    ),
  ),
  lora: may(described(LoraInput, "A LoRA adapter")),
  passthrough_kwargs: may(
    described(Schema.Record(Schema.String, Schema.Unknown), "Further arguments, passed to the engine as they are"),
  ),
  pytorch: may(described(PytorchSection, "Settings of transformers; unknown keys are passed through")),
  vllm: may(described(VllmSection, "Settings of vLLM; unknown keys inside its parts are passed through")),
  tensorrt: may(described(TensorrtSection, "Settings of TensorRT-LLM; unknown keys are passed through")),
  sglang: may(described(SglangSection, "Settings of SGLang; unknown keys are passed through")),
  llamacpp: may(described(LlamacppSection, "Settings of llama.cpp's server; unknown keys are passed through")),
  embedded: may(described(EmbeddedSection, "Settings of the embedded engine")),
  endpoint: may(described(EndpointSection, "A server that runs already")),
}

/** A decoded experiment before its defaults. */
export const ExperimentFields = Schema.Struct(experimentFields)
export type ExperimentFields = typeof ExperimentFields.Type

const byBackend = <S extends Schema.Constraint>(value: S) =>
  Schema.Struct({
    pytorch: may(value),
    vllm: may(value),
    tensorrt: may(value),
    sglang: may(value),
    llamacpp: may(value),
    embedded: may(value),
    endpoint: may(value),
  })

/** An image of a registry, or a file of one, as Slurm's nodes take it. */
const image = Schema.String.check(
  Schema.makeFilter((name) => (/^\/|\.sif$/.test(name) ? undefined : (imageProblem(name) ?? undefined))),
)

/** Fields that speak of the file as a whole rather than of one experiment. */
export const fileFields = {
  name: may(described(text, "Name of the study and of its results folder; default: the file's name")),
  version: may(described(Schema.Union([Schema.String, Schema.Finite]), "Yours to use; llem does not read it")),
  runner: may(described(text, "local, docker, docker:IMAGE, slurm, slurm:IMAGE or auto, for every backend")),
  runners: may(described(byBackend(text), "The same by backend; not together with runner")),
  images: may(described(byBackend(image), "Container image by backend")),
  output_dir: may(described(text, "Folder for results; -o and LLEM_RESULTS_DIR win over it")),
  results_dir: may(described(text, "The same as output_dir")),
  execution: may(described(ExecutionInput, "How the study is carried out")),
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
