import type { Backend } from "../domain/Backend.ts"
import type { Baseline, Decoder, Experiment, Load, Model, Warmup } from "../domain/Experiment.ts"
import { type ExperimentFields, presets } from "./Input.ts"

const looksLikeGguf = (name: string): boolean => name.startsWith("synthetic:") || /\.gguf$/i.test(name)

/** Whether a model is used as a GGUF by a backend. */
const asGguf = (model: Model, backend: Backend): boolean => {
  if (backend === "embedded" || backend === "llamacpp") return true
  return typeof model === "string" && looksLikeGguf(model)
}

/** The backend of an experiment that names none: embedded for a GGUF, else pytorch. */
export const backendOf = (fields: Pick<ExperimentFields, "backend" | "model">): Backend => {
  if (fields.backend !== undefined) return fields.backend
  const { model } = fields
  if (typeof model === "string") return looksLikeGguf(model) ? "embedded" : "pytorch"
  return model.hf === undefined ? "embedded" : "pytorch"
}

/** Remembers what a section was completed to: the combinations of a sweep share most of their sections. */
const once = <I extends object, O>(complete: (input: I | undefined) => O): ((input: I | undefined) => O) => {
  const known = new WeakMap<I, O>()
  const ofNone = complete(undefined)
  return (input) => {
    if (input === undefined) return ofNone
    const before = known.get(input)
    if (before !== undefined) return before
    const completed = complete(input)
    known.set(input, completed)
    return completed
  }
}

type Section<K extends keyof ExperimentFields> = NonNullable<ExperimentFields[K]>

const decoderOf = once<Section<"decoder">, Decoder>((input) => {
  const { preset, ...given } = input ?? {}
  return {
    temperature: 1,
    do_sample: true,
    top_k: 50,
    top_p: 1,
    repetition_penalty: 1,
    ...(preset === undefined ? {} : presets[preset]),
    ...given,
  }
})

const loadOf = once<Section<"load">, Load>((input) => {
  const { n: _n, mode, ...rest } = input ?? {}
  const implied = rest.concurrency !== undefined ? "concurrency" : rest.rate !== undefined ? "poisson" : "offline"
  return { mode: mode ?? implied, ...rest }
})

const warmupOf = once<Section<"warmup">, Warmup>((input) => ({
  enabled: true,
  n_warmup: 5,
  thermal_floor_seconds: 60,
  convergence_detection: false,
  cv_threshold: 0.05,
  max_prompts: 20,
  window_size: 5,
  min_prompts: 5,
  ...input,
}))

const baselineOf = once<Section<"baseline">, Baseline>((input) => ({ enabled: true, duration_seconds: 30, ...input }))

const energyBackend = (name: string | null | undefined): Experiment["energy"]["backend"] => {
  switch (name) {
    case null:
      return null
    case "zeus":
      return "nvml"
    case "nvml":
    case "rapl":
    case "amd":
    case "intel":
    case "grace":
    case "external":
    case "estimate":
      return name
    default:
      return "auto"
  }
}

const energyOf = once<Section<"energy">, Experiment["energy"]>((input) => {
  const { backend, ...rest } = input ?? {}
  return { sample_hz: 10, ...rest, backend: energyBackend(backend) }
})

/** An experiment with every default filled in. The optional fields that were not given stay away. */
export const withDefaults = (fields: ExperimentFields): Experiment => {
  const backend = backendOf(fields)
  const { dataset, load, decoder, warmup, baseline, energy, lora, ...rest } = fields
  const counted = typeof dataset === "object" ? dataset.n : undefined
  const n = load?.n ?? counted ?? fields.n ?? 100
  return {
    ...rest,
    backend,
    n,
    precision: fields.precision ?? (asGguf(fields.model, backend) ? null : "bf16"),
    random_seed: fields.random_seed ?? 42,
    dataset:
      typeof dataset === "object"
        ? { n, input_len: dataset.input_len ?? 512, output_len: dataset.output_len ?? 128, seed: dataset.seed ?? 42 }
        : (dataset ?? "aienergyscore"),
    dataset_order: fields.dataset_order ?? "interleaved",
    max_input_tokens: fields.max_input_tokens ?? 512,
    max_output_tokens: fields.max_output_tokens ?? 128,
    decoder: decoderOf(decoder),
    warmup: warmupOf(warmup),
    baseline: baselineOf(baseline),
    energy: energyOf(energy),
    load: loadOf(load),
    ...(lora === undefined ? {} : { lora: { merge_weights: false, ...lora } }),
  }
}

/** The field that holds a backend's static batch size. */
export const batchSizeField: Readonly<Record<Backend, string | null>> = {
  pytorch: "pytorch.batch_size",
  vllm: "vllm.engine.max_num_seqs",
  tensorrt: "tensorrt.max_batch_size",
  sglang: "sglang.max_running_requests",
  llamacpp: "llamacpp.parallel",
  embedded: "embedded.batch_size",
  endpoint: null,
}
