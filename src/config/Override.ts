import { Result } from "effect"
import { parseDocument } from "yaml"
import * as Backend from "../domain/Backend.ts"
import type { RawConfig } from "../domain/Study.ts"
import { isRecord } from "../domain/Unknown.ts"
import { backendOf, batchSizeField } from "./Defaults.ts"
import { scopeOf } from "./Paths.ts"

/** A field set from the command line. */
export interface Override {
  /** The flag as it was written, e.g. `--batch-size` or `--set n=5`. */
  readonly flag: string
  readonly path: string
  readonly value: unknown
}

/** Reads `path.to.field=value`; the value is a YAML scalar or flow collection. The failure is a sentence. */
export const parse = (text: string): Result.Result<Override, string> => {
  const equals = text.indexOf("=")
  const path = text.slice(0, equals).trim()
  if (equals <= 0 || !/^[A-Za-z0-9_]+(\.[A-Za-z0-9_-]+)*$/.test(path))
    return Result.fail(`--set takes path.to.field=value, found ${text}`)
  const document = parseDocument(text.slice(equals + 1))
  if (document.errors.length > 0) return Result.fail(`--set ${path}: the value is not YAML: ${text.slice(equals + 1)}`)
  try {
    return Result.succeed({ flag: `--set ${path}`, path, value: document.toJS() })
  } catch {
    return Result.fail(`--set ${path}: the value refers to an anchor that is not there: ${text.slice(equals + 1)}`)
  }
}

/** The backend of raw fields, as far as they tell. */
const rawBackend = (raw: RawConfig): Backend.Backend => {
  const backend = raw["backend"]
  if (Backend.isBackend(backend)) return backend
  const model = raw["model"]
  if (typeof model === "string") return backendOf({ model })
  return isRecord(model) && typeof model["hf"] === "string" ? "pytorch" : "embedded"
}

/** The backends that a file's experiments name, as far as its raw fields tell; those of its axes win over the fixed one. */
const namedBackends = (raw: RawConfig): ReadonlyArray<Backend.Backend> => {
  const sweep = isRecord(raw["sweep"]) ? raw["sweep"] : {}
  const scoped = Object.keys(sweep).map(scopeOf)
  const swept = sweep["backend"] === undefined ? scoped : [sweep["backend"]].flat()
  const fixed = swept.some((one) => one !== null) ? swept : [raw["backend"]]
  const explicit = Array.isArray(raw["experiments"]) ? raw["experiments"].filter(isRecord) : []
  return [...new Set([...fixed, ...explicit.map((entry) => entry["backend"])])].filter(Backend.isBackend)
}

/** `--batch-size` as the field that holds it, for every backend of these fields that has one. */
export const batchSizes = (raw: RawConfig, size: number): ReadonlyArray<Override> => {
  const named = namedBackends(raw)
  return (named.length === 0 ? [rawBackend(raw)] : named).flatMap((backend) => {
    const path = batchSizeField[backend]
    return path === null ? [] : [{ flag: "--batch-size", path, value: size }]
  })
}
