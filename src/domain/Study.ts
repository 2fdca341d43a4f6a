import { Schema } from "effect"
import type { Backend } from "./Backend.ts"
import { ContainerInput, type ContainerLimits } from "./Container.ts"
import { described, intAtLeast, numberAtLeast, optional } from "./Fields.ts"
import type { Notice } from "./Notice.ts"

export const CycleOrder = Schema.Literals(["sequential", "interleaved", "shuffled", "reverse", "latin_square"])
export type CycleOrder = typeof CycleOrder.Type

export const Gate = Schema.Literals(["warn", "strict"])
export type Gate = typeof Gate.Type

/** How long a strict gate waits for the memory of its GPUs. */
export const strictGateSeconds = 300

const seconds = (description: string) => optional(described(numberAtLeast(1), description))

/** Limits in seconds that replace the computed ones. */
export const Timeouts = Schema.Struct({
  launch_seconds: seconds("Limit in seconds for starting the engine and loading the model"),
  warmup_seconds: seconds("Limit in seconds for the warm-up"),
  window_seconds: seconds("Limit in seconds for the measured window"),
  silence_seconds: seconds("A request on which nothing arrives for this many seconds has failed"),
  cell_seconds: seconds("Limit in seconds for a whole cell"),
})
export type Timeouts = typeof Timeouts.Type

const gap = "none where only the embedded engine runs on the CPU"

/** `execution:` as it is written; what is absent has a default that depends on the study. */
export const ExecutionInput = Schema.Struct({
  n_cycles: optional(described(intAtLeast(1), "How often each experiment runs; default 3, 1 for a single experiment")),
  cycle_order: optional(
    described(
      CycleOrder,
      "sequential AAABBB, interleaved ABAB, shuffled (each cycle on its own), reverse ABBA, latin_square (balanced: over its rows each experiment follows each other one equally often); default shuffled",
    ),
  ),
  experiment_gap_seconds: optional(
    described(numberAtLeast(0), `Pause in seconds between experiments; default 60, ${gap}`),
  ),
  cycle_gap_seconds: optional(described(numberAtLeast(0), `Pause in seconds between cycles; default 300, ${gap}`)),
  shuffle_seed: optional(described(Schema.Int, "Seed of shuffled and latin_square; default: from the study's hash")),
  skip_preflight: optional(described(Schema.Boolean, "Do not look at the node before starting; default false")),
  fail_fast: optional(described(Schema.Boolean, "Stop after the first cell that failed; default false")),
  reuse_engine: optional(
    described(
      Schema.Boolean,
      "Keep the engine for the next cell where that would start the very same one; default false, a fresh one",
    ),
  ),
  timeouts: optional(described(Timeouts, "Limits in seconds that replace the computed ones")),
  container: optional(described(ContainerInput, "Limits of the engines' containers")),
  gate: optional(
    described(
      Gate,
      "What to do when others hold more than 100 MiB of a GPU's memory: warn (the result carries a warning) or strict (wait five minutes, then fail the cell); default warn",
    ),
  ),
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
  readonly container: ContainerLimits
  readonly gate: Gate
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

/** Where a value was written: a place in a file, or a flag of the command line. */
export interface Origin {
  readonly file: string | null
  readonly line: number | null
  readonly column: number | null
  readonly sourceLine: string | null
  readonly flag: string | null
}

/** A decoded study file, ready to be expanded. */
export interface StudySpec {
  readonly name: string
  readonly kind: "study" | "experiment"
  readonly material: SweepMaterial
  /** Where the value at a path of an expanded combination was written. */
  readonly originOf: (path: ReadonlyArray<string | number>, config: RawConfig) => Origin
  readonly execution: Execution
  readonly runners: RunnerRequests
  readonly images: Readonly<Partial<Record<Backend, string>>>
  /** `output_dir` (or `results_dir`) of the file. */
  readonly resultsDirectory: string | null
  readonly notices: ReadonlyArray<Notice>
}
