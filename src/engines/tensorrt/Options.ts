import { isRecord } from "../../domain/Unknown.ts"
import type { Unsupported } from "../Engine.ts"
import type { Setting } from "../Places.ts"
import { reserved } from "./Places.ts"

const isData = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.every(isData)
  if (isRecord(value)) return Object.values(value).every(isData)
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)
}

const problemOf = ({ name, value }: Setting): string | null => {
  if (!/^[a-z_][a-z0-9_]*$/i.test(name)) return "an option of TensorRT-LLM consists of letters, digits and _"
  const why = Object.hasOwn(reserved, name) ? reserved[name] : undefined
  if (why !== undefined) return why
  if (name === "kv_cache_config" && !isRecord(value)) return "it is a mapping"
  return isData(value) ? null : "TensorRT-LLM's options take text, numbers, true, false, lists and mappings"
}

/** Settings that cannot become options, by their paths in the study file. */
export const problems = (settings: ReadonlyArray<Setting>): ReadonlyArray<Unsupported> => {
  const seen = new Set<string>()
  return settings.flatMap((setting) => {
    const twice = seen.has(setting.name) ? "it is given twice" : null
    seen.add(setting.name)
    const message = problemOf(setting) ?? twice
    return message === null ? [] : [{ field: setting.field, message }]
  })
}

/** The settings over what llem gives; keys of kv_cache_config are options of their own. */
export const over = (
  given: Readonly<Record<string, unknown>>,
  settings: ReadonlyArray<Setting>,
): Readonly<Record<string, unknown>> => {
  const own = Object.fromEntries(settings.map(({ name, value }) => [name, value]))
  const cache = { ...asMapping(given["kv_cache_config"]), ...asMapping(own["kv_cache_config"]) }
  return { ...given, ...own, kv_cache_config: cache }
}

const asMapping = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {})

/** JSON, which is YAML, but for numbers such as 1e-7: PyYAML takes those for text unless they have a point. */
export const toYaml = (value: unknown): string => {
  if (typeof value === "number") return String(value).replace(/^(-?\d+)e/, "$1.0e")
  if (Array.isArray(value)) return `[${value.map(toYaml).join(", ")}]`
  if (!isRecord(value)) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}: ${toYaml(one)}`)
    .join(", ")}}`
}

/** Absolute paths of folders that options name: the tokenizer, and the draft model of speculative decoding. */
export const files = (settings: ReadonlyArray<Setting>): ReadonlyArray<string> =>
  settings.flatMap(({ name, value }) => {
    const draft = name === "speculative_config" ? asMapping(value) : {}
    const named = name === "tokenizer" ? [value] : [draft["speculative_model_dir"], draft["speculative_model"]]
    return named.flatMap((path) => (typeof path === "string" && path.startsWith("/") ? [path] : []))
  })
