/** Why figures are null, by their path in result.json, e.g. `latency.tpot_seconds`. */
export type Unavailable = Readonly<Record<string, string>>

/** Figures of one part of a result, and the reason of each null among them. */
export interface Figures<A> {
  readonly figures: A
  readonly unavailable: Unavailable
}

/** Reasons of those paths that have one. */
export const reasons = (entries: Readonly<Record<string, string | null>>): Unavailable =>
  Object.fromEntries(Object.entries(entries).flatMap(([path, why]) => (why === null ? [] : [[path, why] as const])))
