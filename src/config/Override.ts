import { Result } from "effect"
import { parseDocument } from "yaml"
import * as Backend from "../domain/Backend.ts"
import type { RawConfig } from "../domain/Study.ts"
import { backendOf, batchSizeField } from "./Defaults.ts"
import { isRecord } from "./Document.ts"

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
  return Result.succeed({ flag: `--set ${path}`, path, value: document.toJS() })
}

/** The backend of raw fields, as far as they tell. */
const rawBackend = (raw: RawConfig): Backend.Backend => {
  const backend = raw["backend"]
  if (Backend.isBackend(backend)) return backend
  const model = raw["model"]
  if (typeof model === "string") return backendOf({ model })
  return isRecord(model) && typeof model["hf"] === "string" ? "pytorch" : "embedded"
}

/** `--batch-size` as the field that holds it for the backend of these fields; null where the backend has none. */
export const batchSize = (raw: RawConfig, size: number): Override | null => {
  const path = batchSizeField[rawBackend(raw)]
  return path === null ? null : { flag: "--batch-size", path, value: size }
}
