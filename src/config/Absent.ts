import { isRecord } from "./Document.ts"

/**
 * In a study file null stands for a field that is left out, as where everything below a key is commented out. It means
 * something of its own in `energy.backend` (no metering), and is passed on as it is in `passthrough_kwargs`.
 */
const kept = (path: string): boolean => path === "energy.backend" || path.startsWith("passthrough_kwargs.")

const known = new WeakMap<object, Map<string, unknown>>()

const without = (value: Readonly<Record<string, unknown>>, path: string): unknown => {
  const entries = Object.entries(value)
  const left = entries.flatMap(([key, inner]) => {
    const below = `${path}.${key}`
    const cleaned = withoutNulls(inner, below)
    return cleaned === undefined || (cleaned === null && !kept(below)) ? [] : [[key, cleaned] as const]
  })
  if (left.length === entries.length && left.every(([key, inner]) => value[key] === inner)) return value
  return left.length === 0 ? undefined : Object.fromEntries(left)
}

/**
 * The value of a field without the nulls in it; undefined where nothing is left. What has no null comes back as the
 * very same object, and each object is looked at once however many combinations share it.
 */
export const withoutNulls = (value: unknown, path: string): unknown => {
  if (value === null) return kept(path) ? null : undefined
  if (!isRecord(value)) return value
  const before = known.get(value)
  if (before?.has(path)) return before.get(path)
  const cleaned = without(value, path)
  if (before === undefined) known.set(value, new Map([[path, cleaned]]))
  else before.set(path, cleaned)
  return cleaned
}

/** All fields of a config without the nulls in them. */
export const fieldsWithoutNulls = (config: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const out: Record<string, unknown> = {}
  for (const key of Object.keys(config)) {
    const value = withoutNulls(config[key], key)
    if (value !== undefined)
      Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true })
  }
  return out
}
