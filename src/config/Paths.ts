import * as Backend from "../domain/Backend.ts"
import type { RawConfig } from "../domain/Study.ts"
import { isRecord } from "../domain/Unknown.ts"
import { fieldsOf, isOpen } from "./Check.ts"
import { nearest } from "./Nearest.ts"

/** A dotted path as its parts. */
export const split = (dotted: string): ReadonlyArray<string> => dotted.split(".")

/** A copy of a config with the value at a path replaced; everything beside the path is shared with the original. */
export const set = (config: RawConfig, path: ReadonlyArray<string>, value: unknown): RawConfig => {
  const [head, ...rest] = path
  if (head === undefined) return config
  const inner = config[head]
  return { ...config, [head]: rest.length === 0 ? value : set(isRecord(inner) ? inner : {}, rest, value) }
}

/** The value at a path; undefined where there is none. */
export const get = (config: unknown, path: ReadonlyArray<string | number>): unknown => {
  let at = config
  for (const key of path) {
    if (Array.isArray(at) && typeof key === "number") at = at[key]
    else if (isRecord(at) && Object.hasOwn(at, key)) at = at[String(key)]
    else return undefined
  }
  return at
}

/** What is wrong with a dotted path of an experiment's fields; null when there is such a field. */
export interface PathProblem {
  readonly message: string
  readonly allowed: ReadonlyArray<string>
  readonly nearest: string | null
}

/** Checks that a dotted path names a field of the given fields; keys of an engine's open section may be any. */
export const pathProblem = (fields: Readonly<Record<string, unknown>>, dotted: string): PathProblem | null => {
  let at: Readonly<Record<string, unknown>> | null = fields
  let open = false
  const parts = split(dotted)
  for (const [index, part] of parts.entries()) {
    if (at === null || open) return null
    const next: unknown = Object.hasOwn(at, part) ? at[part] : undefined
    if (next === undefined) {
      const allowed = Object.keys(at).map((name) => [...parts.slice(0, index), name].join("."))
      const near = nearest(dotted, allowed) ?? nearest(parts.slice(0, index + 1).join("."), allowed)
      const hint = near === null ? "" : ` - did you mean '${near}'?`
      return { message: `Unknown field '${dotted}'${hint}`, allowed, nearest: near }
    }
    open = isOpen(next)
    const inner = fieldsOf(next)
    if (open && inner !== null && index + 1 < parts.length) return null
    if (inner === null && index + 1 < parts.length && !open)
      return { message: `'${parts.slice(0, index + 1).join(".")}' has no fields inside`, allowed: [], nearest: null }
    at = inner
  }
  return null
}

/** Whether a dotted path names a field of the given fields, keys that an open section merely lets through not counted. */
export const isDeclared = (fields: Readonly<Record<string, unknown>>, dotted: string): boolean => {
  let at: Readonly<Record<string, unknown>> | null = fields
  for (const part of split(dotted)) {
    if (at === null || !Object.hasOwn(at, part)) return false
    at = fieldsOf(at[part])
  }
  return true
}

/** The backend that an axis is scoped to; null for a universal axis. */
export const scopeOf = (dotted: string): Backend.Backend | null => {
  const [head = ""] = split(dotted)
  return dotted.includes(".") && Backend.isBackend(head) ? head : null
}
