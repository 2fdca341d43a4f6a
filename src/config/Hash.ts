import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"

const parts = new WeakMap<object, string>()

const compose = (value: object): string =>
  Array.isArray(value)
    ? `[${value.map(part).join(",")}]`
    : `{${Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
        .map(([key, inner]) => `${JSON.stringify(key)}:${part(inner)}`)
        .join(",")}}`

const part = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
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
