import type { ResultDocument } from "./ResultDocument.ts"

const sections: ReadonlyArray<keyof ResultDocument> = [
  "engine",
  "window",
  "energy",
  "throughput",
  "latency",
  "efficiency",
  "efficiency_steady",
  "output",
  "flops",
  "warmup",
  "sampling",
  "client",
  "clock",
]

// These are null by their own definition, or stand for the absence of a question rather than of an answer.
const selfEvident: ReadonlyArray<string> = ["why", "std", "currency"]

const hasOwnReason = (value: object): boolean => "why" in value && typeof value.why === "string"

const nullPaths = (value: unknown, path: string): ReadonlyArray<string> => {
  if (value === null) return [path]
  if (typeof value !== "object") return []
  if (hasOwnReason(value)) return []
  return Object.entries(value).flatMap(([key, child]) =>
    selfEvident.includes(key) ? [] : nullPaths(child, `${path}.${key}`),
  )
}

const prefixes = (path: string): ReadonlyArray<string> => {
  const parts = path.split(".")
  return parts.map((_, position) => parts.slice(0, position + 1).join("."))
}

/**
 * Paths of figures that are null without a reason: not in `unavailable` (under their own path or a section's), not
 * beside a `why`, and not covered by `total_missing`. Empty for a sound result; a failed one has its error for a reason.
 */
export const unexplainedNulls = (result: ResultDocument): ReadonlyArray<string> => {
  if (result.status === "failed") return []
  const missingDomains = (result.energy?.total_missing.length ?? 0) > 0
  return sections
    .flatMap((section) => nullPaths(result[section], section))
    .filter((path) => !prefixes(path).some((prefix) => prefix in result.unavailable))
    .filter((path) => !(missingDomains && /^energy\.total_(uncertainty_)?joules$/.test(path)))
}
