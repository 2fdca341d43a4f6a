import type { Unsupported } from "../Engine.ts"
import * as Flags from "../Flags.ts"
import { elsewhere, own, secret, unreachable, withEachRequest } from "../Refused.ts"

type Scalar = string | number | boolean
/** A value of an option of llama-server; several values are one, joined by commas. */
export type Option = Scalar | ReadonlyArray<Scalar>

/** Options by their long names without the dashes, in the order of the command line. */
export type Options = ReadonlyMap<string, Option>

/** Other names of options that llem sets, and of those that it must know of. */
const longNames: Readonly<Record<string, string>> = {
  "n-gpu-layers": "gpu-layers",
  ngl: "gpu-layers",
  np: "parallel",
  "n-parallel": "parallel",
  c: "ctx-size",
  t: "threads",
  b: "batch-size",
  ub: "ubatch-size",
  m: "model",
  md: "model-draft",
  mm: "mmproj",
  mv: "model-vocoder",
  j: "json-schema",
  jf: "json-schema-file",
  lcs: "lookup-cache-static",
  lcd: "lookup-cache-dynamic",
  a: "alias",
  dev: "device",
  cram: "cache-ram",
  ctxcp: "ctx-checkpoints",
  "swa-checkpoints": "ctx-checkpoints",
  webui: "ui",
}

/** Options that a study may not hand on, and why. */
const reserved: Readonly<Record<string, string>> = {
  model: own,
  alias: own,
  host: own,
  port: own,
  "reuse-port": own,
  "model-url": elsewhere("model"),
  "docker-repo": elsewhere("model"),
  "hf-repo": elsewhere("model"),
  "hf-file": elsewhere("model"),
  "hf-token": secret,
  "api-key": unreachable,
  "api-key-file": unreachable,
  "api-prefix": unreachable,
  "ssl-key-file": unreachable,
  "ssl-cert-file": unreachable,
  "models-dir": unreachable,
  "models-preset": unreachable,
  embedding: unreachable,
  embeddings: unreachable,
  rerank: unreachable,
  reranking: unreachable,
  "log-disable": "a crash could not be explained then",
  "log-file": "a crash could not be explained then",
  parallel: elsewhere("llamacpp.parallel"),
  "ctx-size": elsewhere("llamacpp.context_size"),
  threads: elsewhere("llamacpp.threads"),
  "batch-size": "set llamacpp.parallel for requests at once, or llamacpp.prefill_chunk for prompt tokens per step",
  "gpu-layers": elsewhere("llamacpp.gpu_layers"),
  lora: elsewhere("lora.adapter_path"),
  device: elsewhere("devices"),
  seed: elsewhere("random_seed"),
  predict: elsewhere("max_output_tokens"),
  "n-predict": elsewhere("max_output_tokens"),
  temp: withEachRequest,
  temperature: withEachRequest,
  "top-k": withEachRequest,
  "top-p": withEachRequest,
  "min-p": withEachRequest,
  "repeat-penalty": withEachRequest,
  "repeat-last-n": withEachRequest,
  "ignore-eos": elsewhere("llamacpp.ignore_eos"),
}

const isScalar = (value: unknown): value is Scalar =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))

const isOption = (value: unknown): value is Option =>
  isScalar(value) || (Array.isArray(value) && value.length > 0 && value.every(isScalar))

/** The long name of a key of a study file: dashes for underscores, and one name for what has several. */
export const longName = (key: string): string => Flags.longName(key, { longNames })

const problemOf = (key: string, value: unknown): string | null => {
  const name = longName(key)
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return "an option of llama-server consists of small letters, digits and _"
  if (name.startsWith("no-")) return `write ${key.slice("no_".length)}: false`
  const why = Object.hasOwn(reserved, name) ? reserved[name] : undefined
  if (why !== undefined) return why
  if (!isOption(value)) return "llama-server's options take text, numbers, true, false, or a list of these"
  return null
}

/** Keys of a section that cannot become options of llama-server, by their paths in the study file. */
export const problems = (section: Readonly<Record<string, unknown>>, path: string): ReadonlyArray<Unsupported> => {
  const seen = new Set<string>()
  return Object.entries(section).flatMap(([key, value]) => {
    const twice = seen.has(longName(key)) ? "it is given twice, under two names" : null
    seen.add(longName(key))
    const message = problemOf(key, value) ?? twice
    return message === null ? [] : [{ field: `${path}.${key}`, message }]
  })
}

/** A section's keys as options; call `problems` first. */
export const from = (section: Readonly<Record<string, unknown>>): Options =>
  new Map(Object.entries(section).flatMap(([key, value]) => (isOption(value) ? [[longName(key), value] as const] : [])))

/** Options that say on or off in a word. */
const worded: ReadonlySet<string> = new Set(["flash-attn", "fit", "log-colors", "reasoning"])

/** Options that name a file of this node, which the engine has to see where it runs. */
const filed: ReadonlySet<string> = new Set([
  "chat-template-file",
  "control-vector",
  "grammar-file",
  "json-schema-file",
  "lookup-cache-dynamic",
  "lookup-cache-static",
  "lora-scaled",
  "mmproj",
  "model-draft",
  "model-vocoder",
  "spec-draft-model",
])

/** Options that name files, with the names; relative ones are not understood the same way everywhere. */
export const files = (options: Options): ReadonlyArray<readonly [name: string, path: string]> =>
  [...options].flatMap(([name, value]) =>
    filed.has(name) ? [value].flat().map((one) => [name, String(one)] as const) : [],
  )

/** Flags that are off unless given and have no opposite. */
const offByDefault: ReadonlySet<string> = new Set([
  "backend-sampling",
  "check-tensors",
  "cpu-moe",
  "metrics",
  "offline",
  "props",
  "special",
  "spm-infill",
  "swa-full",
  "verbose",
])

const argument = ([name, value]: readonly [string, Option]): ReadonlyArray<string> => {
  if (typeof value === "boolean" && worded.has(name)) return [`--${name}`, value ? "on" : "off"]
  if (value === true) return [`--${name}`]
  if (value === false) return offByDefault.has(name) ? [] : [`--no-${name}`]
  return [`--${name}`, Array.isArray(value) ? value.join(",") : String(value)]
}

/** The command line: `--name value`; true is `--name`, false is `--no-name`, or nothing where there is no such flag. */
export const toArgv = (options: Options): ReadonlyArray<string> => [...options].flatMap(argument)
