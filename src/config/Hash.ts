import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import { Predicate } from "effect"

const parts = new WeakMap<object, string>()

const names = new Map<string, string>()

/** A key as JSON with its colon; the same few keys come back in every experiment. */
const named = (key: string): string => {
  const known = names.get(key)
  if (known !== undefined) return known
  const text = `${JSON.stringify(key)}:`
  names.set(key, text)
  return text
}

const compose = (value: object): string => {
  if (Array.isArray(value)) return `[${value.map(part).join(",")}]`
  if (!Predicate.isObject(value)) return "{}"
  let text = ""
  for (const key of Object.keys(value).sort()) {
    const inner = value[key]
    if (inner !== undefined) text += text === "" ? named(key) + part(inner) : `,${named(key)}${part(inner)}`
  }
  return `{${text}}`
}

const scalar = (value: unknown): string => {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null"
  if (typeof value === "boolean") return value ? "true" : "false"
  return JSON.stringify(value) ?? "null"
}

const part = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return scalar(value)
  const known = parts.get(value)
  if (known !== undefined) return known
  const text = compose(value)
  parts.set(value, text)
  return text
}

/**
 * JSON with sorted keys and nothing undefined: equal for equal values, whatever the order of their keys. Values are
 * taken to be immutable: the text of a part that several values share is made once. The whole is not kept.
 */
export const canonical = (value: unknown): string =>
  typeof value === "object" && value !== null ? compose(value) : part(value)

/** sha256 of UTF-8 text, in lower-case hex. */
export const sha256Hex = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)))

/** sha256 of a value's canonical JSON. */
export const hashOf = (value: unknown): string => sha256Hex(canonical(value))
