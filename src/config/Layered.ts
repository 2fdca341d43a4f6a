import type { RawConfig } from "../domain/Study.ts"
import { fieldsWithoutNulls } from "./Absent.ts"
import type { Finding } from "./Check.ts"
import { type Problem, problem } from "./ConfigError.ts"
import type { Document, Path } from "./Document.ts"
import { get } from "./Paths.ts"
import * as Renamed from "./Renamed.ts"

/** A study file over its bases: each top-level field comes whole from the first document that has it. */
export interface Layered {
  readonly value: RawConfig
  /** A problem at the value (or the key) of a path, with its place in whichever file the field comes from. */
  readonly at: (path: Path, message: string, more?: Partial<Problem> & { readonly key?: boolean }) => Problem
}

/** A value as a person would write it, cut where it is long; null where there is none. */
export const shown = (value: unknown): string | null => {
  if (value === undefined) return null
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/**
 * Lays documents over each other, the first on top; `strip` names fields that only the first one may have. A field
 * that is null in the upper document is left out of the whole.
 */
export const layer = (documents: ReadonlyArray<Document>, strip: ReadonlyArray<string>): Layered => {
  const owner = new Map<string, Document>()
  const written: Record<string, unknown> = {}
  for (const [index, document] of [...documents.entries()].reverse()) {
    for (const key of Object.keys(document.value)) {
      if (index > 0 && strip.includes(key)) continue
      owner.set(key, document)
      Object.defineProperty(written, key, {
        value: document.value[key],
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
  }
  const first = documents[0]
  return {
    value: fieldsWithoutNulls(written),
    at: (path, message, { key = false, ...more } = {}) => {
      const [top] = path
      const document = top === undefined ? first : (owner.get(String(top)) ?? first)
      const place = document === undefined ? {} : key ? document.keyAt(path) : document.valueAt(path)
      const found = key ? null : shown(get(written, path))
      return problem(message, { path: path.map(String).join("."), found, ...place, ...more })
    },
  }
}

/** A finding as a problem with its place; `above` is the path at which the checked value stands. */
export const problemOf = (layered: Layered, finding: Finding, above: Path = []): Problem => {
  const path = [...above, ...finding.path]
  const { allowed, nearest } = finding
  if (finding.kind === "invalid") return layered.at(path, finding.message, { allowed, nearest })
  const old = Renamed.lookUp(finding.path)
  return old === null
    ? layered.at(path, finding.message, { key: true, allowed, nearest })
    : layered.at(path, old.message, { key: true, allowed, nearest: old.field })
}
