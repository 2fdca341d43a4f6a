import { Schema } from "effect"
import type { Backend } from "./Backend.ts"
import { described, intAtLeast, numberAtLeast, optional } from "./Fields.ts"
import type { Notice } from "./Notice.ts"

export const CycleOrder = Schema.Literals(["sequential", "interleaved", "shuffled", "reverse", "latin_square"])
export type CycleOrder = typeof CycleOrder.Type

/** Limits in seconds that replace the computed ones. */
export const Timeouts = Schema.Struct({
  launch_seconds: optional(numberAtLeast(1)),
  warmup_seconds: optional(numberAtLeast(1)),
  window_seconds: optional(numberAtLeast(1)),
  silence_seconds: optional(numberAtLeast(1)),
  cell_seconds: optional(numberAtLeast(1)),
})
export type Timeouts = typeof Timeouts.Type

/** `execution:` as it is written; what is absent has a default that depends on the study. */
export const ExecutionInput = Schema.Struct({
  n_cycles: optional(described(intAtLeast(1), "How often each experiment runs")),
  cycle_order: optional(CycleOrder),
  experiment_gap_seconds: optional(numberAtLeast(0)),
  cycle_gap_seconds: optional(numberAtLeast(0)),
  shuffle_seed: optional(Schema.Int),
  skip_preflight: optional(Schema.Boolean),
  fail_fast: optional(Schema.Boolean),
  reuse_engine: optional(Schema.Boolean),
  timeouts: optional(Timeouts),
})
export type ExecutionInput = typeof ExecutionInput.Type

/** How a study is carried out, every default filled in. */
export interface Execution {
  readonly cycles: number
  readonly order: CycleOrder
  /** null: 60 s, or none where only the embedded engine runs on the CPU. */
  readonly experimentGapSeconds: number | null
  /** null: 300 s, or none where only the embedded engine runs on the CPU. */
  readonly cycleGapSeconds: number | null
  /** null: derived from the study's hash. */
  readonly shuffleSeed: number | null
  readonly skipPreflight: boolean
  readonly failFast: boolean
  readonly reuseEngine: boolean
  readonly timeouts: Timeouts
}

/** Where backends were asked to run, as written (`local`, `docker:IMAGE`, ...). */
export interface RunnerRequests {
  /** `runner: V` of the file: every backend of it. */
  readonly all: string | null
  readonly byBackend: Readonly<Partial<Record<Backend, string>>>
}

/** Plain data of a study file: an experiment's fields as they are written. */
export type RawConfig = Readonly<Record<string, unknown>>

/** What there is to expand: fixed fields, axes, groups and explicit entries, all as written. */
export interface SweepMaterial {
  readonly fixed: RawConfig
  /** Axes in the order of the file: dotted path and its values (a scalar is one value). */
  readonly axes: ReadonlyArray<{ readonly path: string; readonly values: ReadonlyArray<unknown> }>
  /** Each group is a list of variants; a list inside a variant is a small grid. */
  readonly groups: ReadonlyArray<{ readonly name: string; readonly variants: ReadonlyArray<RawConfig> }>
  readonly explicit: ReadonlyArray<RawConfig>
  /** True when the file has a `sweep` (a study may have explicit experiments only). */
  readonly hasSweep: boolean
}

/** A decoded study file, ready to be expanded. */
export interface StudySpec {
  readonly name: string
  readonly kind: "study" | "experiment"
  readonly material: SweepMaterial
  readonly execution: Execution
  readonly runners: RunnerRequests
  readonly images: Readonly<Partial<Record<Backend, string>>>
  /** `output_dir` of the file. */
  readonly resultsDirectory: string | null
  readonly notices: ReadonlyArray<Notice>
}
