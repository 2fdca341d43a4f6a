import * as Backend from "../domain/Backend.ts"
import { type ExperimentFields, experimentFields } from "./Input.ts"

/** A rule between fields that an experiment breaks: the field to point at, and what to change. */
export interface Conflict {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** Takes a dotted path and a message. Rules run once per combination: one that is kept costs no allocation. */
type Report = (path: string, message: string) => void
type Rule = (fields: ExperimentFields, report: Report, backend: Backend.Backend) => void

const model: Rule = ({ model }, report) => {
  if (typeof model === "object" && model.gguf === undefined && model.hf === undefined)
    report("model", "a model given as a mapping needs gguf or hf")
}

const syntheticName = /^synthetic:(15m|110m|1b)(-(q4_0|q8_0|f16))?$/

const synthetic: Rule = ({ model }, report) => {
  const name = typeof model === "string" ? model : (model.gguf ?? "")
  if (name.startsWith("synthetic:") && !syntheticName.test(name))
    report(
      typeof model === "string" ? "model" : "model.gguf",
      "should be synthetic: followed by 15m, 110m or 1b, then nothing or -q4_0, -q8_0 or -f16",
    )
}

const sections: Rule = (fields, report, backend) => {
  for (const other of Backend.all) {
    if (other !== backend && fields[other] !== undefined)
      report(other, `this section is for backend ${other}, the backend here is ${backend}; remove one of them`)
  }
}

const passthrough: Rule = ({ passthrough_kwargs }, report) => {
  for (const key in passthrough_kwargs) {
    if (Object.hasOwn(experimentFields, key))
      report(`passthrough_kwargs.${key}`, `${key} is a field of its own; write it at the top level`)
  }
}

const lora: Rule = ({ lora }, report) => {
  if (lora !== undefined && (lora.adapter_id === undefined) === (lora.adapter_path === undefined))
    report("lora", "give exactly one of adapter_id and adapter_path")
}

const compileFields = ["torch_compile_mode", "torch_compile_backend"] as const
const fourBitFields = ["bnb_4bit_compute_dtype", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant"] as const

const pytorch: Rule = ({ pytorch }, report) => {
  if (pytorch === undefined) return
  const fourBit = pytorch.load_in_4bit === true
  if (fourBit && pytorch.load_in_8bit === true)
    report("pytorch.load_in_8bit", "load_in_4bit and load_in_8bit exclude each other")
  for (const name of compileFields) {
    if (pytorch[name] !== undefined && pytorch.torch_compile !== true)
      report(`pytorch.${name}`, `${name} needs torch_compile: true`)
  }
  for (const name of fourBitFields) {
    if (pytorch[name] !== undefined && !fourBit) report(`pytorch.${name}`, `${name} needs load_in_4bit: true`)
  }
  if (pytorch.cache_implementation !== undefined && pytorch.use_cache === false)
    report("pytorch.cache_implementation", "cache_implementation cannot be used with use_cache: false")
}

const vllm: Rule = ({ vllm }, report) => {
  if (vllm === undefined) return
  const { engine, sampling, beam_search } = vllm
  if (engine?.speculative_model !== undefined && engine.num_speculative_tokens === undefined)
    report("vllm.engine.speculative_model", "speculative_model needs num_speculative_tokens")
  if (engine?.kv_cache_memory_bytes !== undefined && engine.gpu_memory_utilization !== undefined)
    report("vllm.engine.kv_cache_memory_bytes", "kv_cache_memory_bytes and gpu_memory_utilization exclude each other")
  if (beam_search !== undefined && sampling !== undefined)
    report("vllm.beam_search", "beam_search and sampling exclude each other")
}

/** Passed through to the engine, these would contradict `precision`. */
const numberFormat: Rule = ({ pytorch, vllm, tensorrt }, report) => {
  const message = "write precision at the top level instead"
  if (pytorch?.["dtype"] !== undefined) report("pytorch.dtype", message)
  if (pytorch?.["torch_dtype"] !== undefined) report("pytorch.torch_dtype", message)
  if (vllm?.engine?.["dtype"] !== undefined) report("vllm.engine.dtype", message)
  if (tensorrt?.["dtype"] !== undefined) report("tensorrt.dtype", message)
}

const warmup: Rule = ({ warmup }, report) => {
  if (warmup === undefined) return
  const { max_prompts = 20, min_prompts = 5, window_size = 5 } = warmup
  const most = `max_prompts (${max_prompts})`
  if (min_prompts > max_prompts)
    report(
      warmup.min_prompts === undefined ? "warmup.max_prompts" : "warmup.min_prompts",
      `min_prompts (${min_prompts}) should not be above ${most}`,
    )
  if (window_size > max_prompts)
    report(
      warmup.window_size === undefined ? "warmup.max_prompts" : "warmup.window_size",
      `window_size (${window_size}) should not be above ${most}`,
    )
}

const counts: Rule = ({ n, dataset, load }, report) => {
  const inDataset = typeof dataset === "object" ? dataset.n : undefined
  const [first, value] = load?.n !== undefined ? ["load.n", load.n] : ["dataset.n", inDataset]
  if (value === undefined) return
  const twice = (path: string, other: number) =>
    report(path, `the number of requests is given twice: ${first} is ${value}, ${path} is ${other}`)
  if (inDataset !== undefined && inDataset !== value) twice("dataset.n", inDataset)
  if (n !== undefined && n !== value) twice("n", n)
}

const needs: Readonly<Partial<Record<string, "concurrency" | "rate" | "trace">>> = {
  concurrency: "concurrency",
  constant: "rate",
  poisson: "rate",
  gamma: "rate",
  trace: "trace",
}

/** The modes in which a field of `load` has a meaning. */
const modesOf = [
  ["concurrency", ["concurrency"]],
  ["rate", ["constant", "poisson", "gamma", "burst", "ramp", "search"]],
  ["burstiness", ["gamma"]],
  ["trace", ["trace"]],
] as const satisfies ReadonlyArray<readonly [string, ReadonlyArray<string>]>

const load: Rule = ({ load }, report) => {
  if (load === undefined) return
  const { mode } = load
  if (mode === undefined) {
    if (load.concurrency !== undefined && load.rate !== undefined)
      report("load.rate", "give load.concurrency or load.rate, or say with load.mode what is meant")
    return
  }
  const needed = needs[mode]
  if (needed !== undefined && load[needed] === undefined) report("load.mode", `load.mode ${mode} needs load.${needed}`)
  for (const [field, modes] of modesOf) {
    if (load[field] !== undefined && !modes.some((one) => one === mode))
      report(`load.${field}`, `load.${field} has no meaning in mode ${mode}; it is for ${modes.join(", ")}`)
  }
}

const endpoint: Rule = ({ endpoint }, report, backend) => {
  if (backend === "endpoint" && endpoint === undefined) report("backend", "backend endpoint needs endpoint: {url: ...}")
}

const rules: ReadonlyArray<Rule> = [
  model,
  synthetic,
  sections,
  passthrough,
  lora,
  pytorch,
  vllm,
  numberFormat,
  warmup,
  counts,
  load,
  endpoint,
]

/** Every rule between fields that these break. */
export const conflicts = (fields: ExperimentFields, backend: Backend.Backend): ReadonlyArray<Conflict> => {
  const found: Array<Conflict> = []
  const report: Report = (path, message) => {
    found.push({ path: path.split("."), message })
  }
  for (const rule of rules) rule(fields, report, backend)
  return found
}
