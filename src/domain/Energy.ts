import { Schema } from "effect"

/** Measured by a sensor, computed from a stated model, or not to be had: never mixed up. */
export const Quality = Schema.Literals(["measured", "estimated", "unavailable"])
export type Quality = typeof Quality.Type

/** What a meter says of one domain before it reads it. */
export interface DomainInfo {
  /** `gpu:<uuid>`, `cpu:package-0`, `dram:0`, `cpu:engine-processes`, ... */
  readonly domain: string
  /** The adapter that reads it: rapl, estimate, nvml, ... */
  readonly meter: string
  readonly quality: Quality
  /** A domain that already contains this one (its joules are not added to the total again). */
  readonly nestedIn: string | null
  /** Whether it belongs to the total of an experiment when it is readable. */
  readonly inTotal: boolean
  /** Why it is estimated (the assumptions) or unavailable. */
  readonly why: string | null
  /** Relative one-sigma uncertainty of the source itself (a model's, a sensor's calibration); 0 when unknown. */
  readonly relativeUncertainty: number
  /** Idle power in watts where it is known by construction: 0 for a model that counts only the engine's own work. */
  readonly idleWatts?: number
}

/** Between these two samples a counter started again or may have wrapped more than once: its energy there is unknown. */
export interface CounterBreak {
  readonly fromSeconds: number
  readonly toSeconds: number
  readonly why: string
}

/**
 * Raw samples of one domain over a whole cell. `counter` values are cumulative joules, unwrapped;
 * `power` values are watts. Times are seconds of the monotonic clock.
 */
export interface DomainSeries extends DomainInfo {
  readonly kind: "counter" | "power"
  /** The smallest step the source can show, in joules (counter) or watts (power). */
  readonly resolution: number
  readonly timesSeconds: Float64Array
  readonly values: Float64Array
  /** What the source showed, in its own unit and not unwrapped. */
  readonly rawValues?: Float64Array
  readonly breaks?: ReadonlyArray<CounterBreak>
  /** Set when the source failed during the cell: its figures are unavailable from then on. */
  readonly lostAtSeconds: number | null
}

/** Energy of one domain over one span. `joules` is null exactly when `quality` is unavailable. */
export interface DomainEnergy extends DomainInfo {
  readonly joules: number | null
  readonly uncertaintyJoules: number | null
  readonly baselineWatts: number | null
  /** Signed: energy above the idle baseline. */
  readonly adjustedJoules: number | null
}

/** What sampling itself cost and how well it kept its deadlines. */
export interface SamplerCost {
  readonly sampleHz: number
  readonly samples: number
  readonly cpuSeconds: number
  readonly gapP50Seconds: number
  readonly gapP99Seconds: number
  readonly gapMaxSeconds: number
  /** How the sampler's thread was scheduled, e.g. "fifo:10", "nice:-15", "default". */
  readonly priority: string
  /** Rounds of reads that were lost because nobody took them in time; they are gaps in the series. */
  readonly droppedSamples?: number
}
