import type { RawConfig } from "../domain/Study.ts"
import { type Problem, problem } from "./ConfigError.ts"
import type { Document, Path } from "./Document.ts"
import { get } from "./Paths.ts"

/** A study file over its bases: each top-level field comes whole from the first document that has it. */
export interface Layered {
  readonly value: RawConfig
  /** A problem at the value (or the key) of a path, with its place in whichever file the field comes from. */
  readonly at: (path: Path, message: string, more?: Partial<Problem> & { readonly key?: boolean }) => Problem
}

const shown = (value: unknown): string | null => {
  if (value === undefined) return null
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** Lays documents over each other, the first on top; `strip` names fields that only the first one may have. */
export const layer = (documents: ReadonlyArray<Document>, strip: ReadonlyArray<string>): Layered => {
  const owner = new Map<string, Document>()
  const value: Record<string, unknown> = {}
  for (const [index, document] of [...documents.entries()].reverse()) {
    for (const key of Object.keys(document.value)) {
      if (index > 0 && strip.includes(key)) continue
      owner.set(key, document)
      Object.defineProperty(value, key, {
        value: document.value[key],
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
  }
  const first = documents[0]
  return {
    value,
    at: (path, message, { key = false, ...more } = {}) => {
      const [top] = path
      const document = top === undefined ? first : (owner.get(String(top)) ?? first)
      const place = document === undefined ? {} : key ? document.keyAt(path) : document.valueAt(path)
      const found = key ? null : shown(get(value, path))
      return problem(message, { path: path.map(String).join("."), found, ...place, ...more })
    },
  }
}
