import * as Backend from "../domain/Backend.ts"
import { type ExperimentFields, experimentFields } from "./Input.ts"

/** A rule between fields that an experiment breaks: the field to point at, and what to change. */
export interface Conflict {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

type Rule = (fields: ExperimentFields, backend: Backend.Backend) => ReadonlyArray<Conflict>

const when = (broken: boolean, path: string, message: string): ReadonlyArray<Conflict> =>
  broken ? [{ path: path.split("."), message }] : []

const syntheticName = /^synthetic:(15m|110m|1b)(-(q4_0|q8_0|f16))?$/

const synthetic: Rule = ({ model }) => {
  const [path, name] = typeof model === "string" ? ["model", model] : ["model.gguf", model.gguf ?? ""]
  return when(
    name.startsWith("synthetic:") && !syntheticName.test(name),
    path,
    "should be synthetic: followed by 15m, 110m or 1b, then nothing or -q4_0, -q8_0 or -f16",
  )
}

const sections: Rule = (fields, backend) =>
  Backend.all.flatMap((other) =>
    when(
      other !== backend && fields[other] !== undefined,
      other,
      `this section is for backend ${other}, the backend here is ${backend}; remove one of them`,
    ),
  )

const passthrough: Rule = ({ passthrough_kwargs }) =>
  Object.keys(passthrough_kwargs ?? {}).flatMap((key) =>
    when(
      Object.hasOwn(experimentFields, key),
      `passthrough_kwargs.${key}`,
      `${key} is a field of its own; write it at the top level`,
    ),
  )

const lora: Rule = ({ lora }) =>
  when(
    lora !== undefined && (lora.adapter_id === undefined) === (lora.adapter_path === undefined),
    "lora",
    "give exactly one of adapter_id and adapter_path",
  )

const pytorch: Rule = ({ pytorch }) => {
  if (pytorch === undefined) return []
  const compiled = pytorch.torch_compile === true
  const fourBit = pytorch.load_in_4bit === true
  const given = (name: keyof typeof pytorch): boolean => pytorch[name] !== undefined
  return [
    ...when(
      fourBit && pytorch.load_in_8bit === true,
      "pytorch.load_in_8bit",
      "load_in_4bit and load_in_8bit exclude each other",
    ),
    ...["torch_compile_mode", "torch_compile_backend"].flatMap((name) =>
      when(given(name) && !compiled, `pytorch.${name}`, `${name} needs torch_compile: true`),
    ),
    ...["bnb_4bit_compute_dtype", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant"].flatMap((name) =>
      when(given(name) && !fourBit, `pytorch.${name}`, `${name} needs load_in_4bit: true`),
    ),
    ...when(
      given("cache_implementation") && pytorch.use_cache === false,
      "pytorch.cache_implementation",
      "cache_implementation cannot be used with use_cache: false",
    ),
  ]
}

const vllm: Rule = ({ vllm }) => {
  if (vllm === undefined) return []
  const { engine, sampling, beam_search } = vllm
  return [
    ...when(
      engine?.speculative_model !== undefined && engine.num_speculative_tokens === undefined,
      "vllm.engine.speculative_model",
      "speculative_model needs num_speculative_tokens",
    ),
    ...when(
      engine?.kv_cache_memory_bytes !== undefined && engine.gpu_memory_utilization !== undefined,
      "vllm.engine.kv_cache_memory_bytes",
      "kv_cache_memory_bytes and gpu_memory_utilization exclude each other",
    ),
    ...when(
      beam_search !== undefined && sampling !== undefined,
      "vllm.beam_search",
      "beam_search and sampling exclude each other",
    ),
  ]
}

const counts: Rule = ({ n, dataset, load }) => {
  const given = [
    ["load.n", load?.n],
    ["dataset.n", typeof dataset === "object" ? dataset.n : undefined],
    ["n", n],
  ] as const
  const known = given.filter(([, value]) => value !== undefined)
  const first = known[0]
  return known.flatMap(([path, value]) =>
    when(
      first !== undefined && value !== first[1],
      path,
      `the number of requests is given twice: ${first?.[0]} is ${first?.[1]}, ${path} is ${value}`,
    ),
  )
}

const needs: Readonly<Partial<Record<string, "concurrency" | "rate" | "trace">>> = {
  concurrency: "concurrency",
  constant: "rate",
  poisson: "rate",
  gamma: "rate",
  trace: "trace",
}

const load: Rule = ({ load }) => {
  const needed = load?.mode === undefined ? undefined : needs[load.mode]
  return when(
    load !== undefined && needed !== undefined && load[needed] === undefined,
    "load.mode",
    `load.mode ${load?.mode} needs load.${needed}`,
  )
}

const only: ReadonlyArray<readonly ["concurrency" | "rate" | "burstiness" | "trace", ReadonlyArray<string>]> = [
  ["concurrency", ["concurrency"]],
  ["rate", ["constant", "poisson", "gamma", "burst", "ramp", "search"]],
  ["burstiness", ["gamma"]],
  ["trace", ["trace"]],
]

const loadFields: Rule = ({ load }) =>
  only.flatMap(([field, modes]) =>
    when(
      load?.mode !== undefined && load[field] !== undefined && !modes.includes(load.mode),
      `load.${field}`,
      `load.${field} has no meaning in mode ${load?.mode}; it is for ${modes.join(", ")}`,
    ),
  )

const twoLoads: Rule = ({ load }) =>
  when(
    load !== undefined && load.mode === undefined && load.concurrency !== undefined && load.rate !== undefined,
    "load.rate",
    "give load.concurrency or load.rate, or say with load.mode what is meant",
  )

const warmup: Rule = ({ warmup }) => {
  const { max_prompts = 20, min_prompts = 5, window_size = 5 } = warmup ?? {}
  return [
    ...when(
      min_prompts > max_prompts,
      warmup?.min_prompts === undefined ? "warmup.max_prompts" : "warmup.min_prompts",
      `min_prompts (${min_prompts}) should not be above max_prompts (${max_prompts})`,
    ),
    ...when(
      window_size > max_prompts,
      warmup?.window_size === undefined ? "warmup.max_prompts" : "warmup.window_size",
      `window_size (${window_size}) should not be above max_prompts (${max_prompts})`,
    ),
  ]
}

/** Passed through, these would contradict `precision`. */
const numberFormat: Rule = ({ pytorch, vllm, tensorrt }) =>
  (
    [
      ["pytorch.dtype", pytorch],
      ["pytorch.torch_dtype", pytorch],
      ["vllm.engine.dtype", vllm?.engine],
      ["tensorrt.dtype", tensorrt],
    ] as const
  ).flatMap(([path, section]) =>
    when(
      section !== undefined && section[path.split(".").at(-1) ?? ""] !== undefined,
      path,
      "write precision at the top level instead",
    ),
  )

const endpoint: Rule = ({ endpoint }, backend) =>
  when(backend === "endpoint" && endpoint === undefined, "backend", "backend endpoint needs endpoint: {url: ...}")

const model: Rule = ({ model }) =>
  when(
    typeof model === "object" && model.gguf === undefined && model.hf === undefined,
    "model",
    "a model given as a mapping needs gguf or hf",
  )

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
  loadFields,
  twoLoads,
  endpoint,
]

/** Every rule between fields that these break. */
export const conflicts: Rule = (fields, backend) => rules.flatMap((rule) => rule(fields, backend))
