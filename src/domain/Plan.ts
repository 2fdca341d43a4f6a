import type { Backend } from "./Backend.ts"
import type { ContainerLimits } from "./Container.ts"
import type { Experiment } from "./Experiment.ts"
import type { Finding, Notice } from "./Notice.ts"
import type { RunnerSpec } from "./RunnerSpec.ts"
import type { Gate } from "./Study.ts"

/** What a cell gets of its node. */
export interface Placement {
  /** UUIDs of the GPUs that the engine gets and that are metered. */
  readonly gpuUuids: ReadonlyArray<string>
  readonly container: ContainerLimits
  /** What happens when others hold memory of these GPUs. */
  readonly gate: Gate
  /** Folder of the build of the embedded engine that computes on GPUs; absent: the one inside llem. */
  readonly engineVariant?: string
}

/** Seconds that each phase of a cell may take before it is given up. */
export interface PhaseTimeouts {
  readonly launchSeconds: number
  readonly warmupSeconds: number
  readonly windowSeconds: number
  /** A request on which nothing arrives for this long has failed. */
  readonly silenceSeconds: number
}

/** One run of one experiment: the unit that is dispatched, recorded and resumed. */
export interface Cell {
  /** The experiment's number in expansion order, from 1; the same in every cycle. */
  readonly index: number
  /** The cycle, from 1. */
  readonly cycle: number
  /** sha256 (hex) of the resolved experiment. */
  readonly hash: string
  readonly experiment: Experiment
  readonly runner: RunnerSpec
  readonly placement: Placement
  /** Wall-clock limit for the whole cell. */
  readonly timeoutSeconds: number
  readonly timeouts: PhaseTimeouts
  /** Why this cell will not run, decided at planning. */
  readonly skip: { readonly code: string; readonly message: string } | null
}

/** An invalid combination of a sweep, left out with its reason. */
export interface SkippedCombination {
  readonly reason: string
  readonly config: Readonly<Record<string, unknown>>
}

export interface PlanCounts {
  readonly experiments: number
  readonly cycles: number
  readonly cells: number
  readonly skipped: number
}

/** Everything decided before anything starts. Cells stand in the order in which they run. */
export interface Plan {
  readonly study: { readonly name: string; readonly kind: "study" | "experiment"; readonly hash: string }
  readonly counts: PlanCounts
  readonly runners: Readonly<Partial<Record<Backend, RunnerSpec>>>
  readonly notices: ReadonlyArray<Notice>
  readonly findings: ReadonlyArray<Finding>
  readonly cells: ReadonlyArray<Cell>
  readonly skipped: ReadonlyArray<SkippedCombination>
  /** Pauses in seconds: between experiments, and between cycles. */
  readonly experimentGapSeconds: number
  readonly cycleGapSeconds: number
  readonly expectedSeconds: number
}
