import type { DomainInfo, DomainSeries } from "../domain/Energy.ts"
import { monotonicSeconds } from "../platform/libc.ts"
import { openProcessTrees } from "../platform/procfs.ts"
import type { OpenSource } from "../platform/samplerLoop.ts"
import { openNumber } from "../platform/sysfs.ts"
import { unwrap } from "./Unwrap.ts"

/**
 * What the sampler's thread reads, by the way it is read and not by vendor: plain data that crosses to the thread.
 * A new way of reading is one more member here and one more case in `openSource`.
 */
export type Source =
  | {
      /** A file with a cumulative energy counter. */
      readonly kind: "counter_file"
      readonly path: string
      readonly joulesPerUnit: number
      /** In units; null when the counter does not wrap. */
      readonly wrapsAt: number | null
      /** More than this domain can ever draw. */
      readonly maxWatts: number
    }
  | {
      /** A file with the present power. */
      readonly kind: "power_file"
      readonly path: string
      readonly wattsPerUnit: number
    }
  | {
      /** CPU time of the watched process trees, at so many watts while one core is fully busy. */
      readonly kind: "process_cpu"
      readonly ticksPerSecond: number
      readonly wattsPerCore: number
    }

/** A domain that a meter found, and how to read it; no source when it cannot be read. */
export interface Probed {
  readonly info: DomainInfo
  readonly source: Source | null
}

/** Opens a source in the sampler's thread. Throws when it cannot be opened. */
export const openSource = (source: Source): OpenSource => {
  if (source.kind === "process_cpu") {
    const reader = openProcessTrees(monotonicSeconds)
    return { reader, watch: reader.watch }
  }
  return { reader: openNumber(source.path), watch: () => {} }
}

/** Raw samples of one source, as the sampler took them. */
export interface RawSamples {
  readonly timesSeconds: Float64Array
  readonly values: Float64Array
  readonly lost: { readonly atSeconds: number; readonly code: string } | null
}

/** Watts or cumulative joules from raw samples; counters are unwrapped, raw values kept. */
export const toSeries = (info: DomainInfo, source: Source, raw: RawSamples): DomainSeries => {
  const common = {
    ...info,
    why: raw.lost === null ? info.why : `lost while it was read (${raw.lost.code})`,
    timesSeconds: raw.timesSeconds,
    rawValues: raw.values,
    lostAtSeconds: raw.lost?.atSeconds ?? null,
  }
  if (source.kind === "power_file")
    return {
      ...common,
      kind: "power",
      resolution: source.wattsPerUnit,
      values: raw.values.map((value) => value * source.wattsPerUnit),
    }
  const unit = source.kind === "counter_file" ? source.joulesPerUnit : source.wattsPerCore / source.ticksPerSecond
  const counter =
    source.kind === "counter_file"
      ? unwrap(raw.timesSeconds, raw.values, {
          wrapsAt: source.wrapsAt,
          maxPerSecond: source.maxWatts / source.joulesPerUnit,
        })
      : { values: raw.values, breaks: [] }
  return {
    ...common,
    kind: "counter",
    resolution: unit,
    values: counter.values.map((value) => value * unit),
    breaks: counter.breaks,
  }
}
