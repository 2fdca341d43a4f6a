import { isRecord } from "../domain/Unknown.ts"

/**
 * In a study file null stands for a field that is left out, as where everything below a key is commented out. It means
 * something of its own in `energy.backend` (no metering), and is passed on as it is in `passthrough_kwargs`.
 */
const kept = (path: string): boolean => path === "energy.backend" || path.startsWith("passthrough_kwargs.")

/** Objects that were found to have no null anywhere: combinations share most of their parts. */
const clean = new WeakSet<object>()

const without = (value: Readonly<Record<string, unknown>>, path: string): unknown => {
  const left: Array<readonly [string, unknown]> = []
  let changed = false
  let keeps = false
  for (const key of Object.keys(value)) {
    const inner = value[key]
    const below = `${path}.${key}`
    const cleaned = withoutNulls(inner, below)
    if (cleaned === undefined) changed = true
    else left.push([key, cleaned])
    if (cleaned === null) keeps = true
    if (cleaned !== inner) changed = true
  }
  if (!changed) {
    if (!keeps) clean.add(value)
    return value
  }
  return left.length === 0 ? undefined : Object.fromEntries(left)
}

/**
 * The value of a field without the nulls in it; undefined where nothing is left. What has no null comes back as the
 * very same object.
 */
export const withoutNulls = (value: unknown, path: string): unknown => {
  if (value === null) return kept(path) ? null : undefined
  if (typeof value !== "object" || clean.has(value) || !isRecord(value)) return value
  return without(value, path)
}

/** All fields of a config without the nulls in them; the very same object where there are none. */
export const fieldsWithoutNulls = (config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  for (const key of Object.keys(config)) {
    if (withoutNulls(config[key], key) === config[key]) continue
    return Object.fromEntries(
      Object.entries(config).flatMap(([name, value]) => {
        const cleaned = withoutNulls(value, name)
        return cleaned === undefined ? [] : [[name, cleaned]]
      }),
    )
  }
  return config
}
