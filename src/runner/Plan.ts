import type { Backend } from "../domain/Backend.ts"
import { limitsOf } from "../domain/Container.ts"
import type { EmbeddedVariant } from "../domain/EmbeddedVariant.ts"
import type { Experiment } from "../domain/Experiment.ts"
import type { GpuFacts } from "../domain/NodeFacts.ts"
import type { Finding, Notice } from "../domain/Notice.ts"
import type { Cell, Plan, SkippedCombination } from "../domain/Plan.ts"
import type { Resolution, RunnerSpec } from "../domain/RunnerSpec.ts"
import type { Execution } from "../domain/Study.ts"
import type { Unsupported } from "../engines/Engine.ts"
import type { Judgement } from "../preflight/Judge.ts"
import * as Durations from "./Durations.ts"
import * as GpuVariants from "./GpuVariants.ts"
import * as Placements from "./Placements.ts"

/** One valid experiment of the study, numbered in expansion order from 1. */
export interface PlannedExperiment {
  readonly index: number
  readonly experiment: Experiment
  readonly hash: string
}

/** What planning needs to know of an engine; null for a backend that this build has no adapter for. */
export interface EngineView {
  unsupported(experiment: Experiment): ReadonlyArray<Unsupported>
  batchSize(experiment: Experiment): number
}

export interface PlanInput {
  readonly study: Plan["study"]
  readonly experiments: ReadonlyArray<PlannedExperiment>
  /** Every cell in the order in which it runs. */
  readonly order: ReadonlyArray<{ readonly index: number; readonly cycle: number }>
  readonly execution: Pick<Execution, "experimentGapSeconds" | "cycleGapSeconds" | "timeouts"> &
    Partial<Pick<Execution, "order" | "container" | "gate">>
  readonly resolution: Resolution
  readonly judgement: Judgement
  readonly skipped: ReadonlyArray<SkippedCombination>
  /** What decoding and expansion had to say. */
  readonly notices: ReadonlyArray<Notice>
  readonly engine: (backend: Backend) => EngineView | null
  /** The GPUs of this node. */
  readonly gpus?: ReadonlyArray<GpuFacts>
  /** Builds of the embedded engine outside llem. */
  readonly variants?: ReadonlyArray<EmbeddedVariant>
}

type VariantProblem = GpuVariants.VariantProblem

const unresolved: RunnerSpec = { mode: "local", image: null, source: "default" }

const unsupportedMessage = (backend: Backend, problems: ReadonlyArray<Unsupported>): string =>
  `${backend} cannot do what this experiment asks: ${problems
    .map((problem) => `${problem.field}: ${problem.message}`)
    .join("; ")}`

const skipOf = (input: PlanInput, experiment: Experiment, variant: VariantProblem | null): Cell["skip"] => {
  const unavailable = input.judgement.unavailable[experiment.backend]
  if (unavailable !== undefined) return { code: "backend_unavailable", message: unavailable }
  const problems = input.engine(experiment.backend)?.unsupported(experiment) ?? []
  if (problems.length > 0) return { code: "unsupported", message: unsupportedMessage(experiment.backend, problems) }
  return variant === null ? null : { code: variant.code, message: variant.message }
}

type Prepared = Omit<Cell, "cycle"> & {
  readonly expectedSeconds: number
  readonly variantProblem: VariantProblem | null
}

const prepare = (input: PlanInput, { index, experiment, hash }: PlannedExperiment): Prepared => {
  const runner = input.resolution.runners[experiment.backend] ?? unresolved
  const engine = input.engine(experiment.backend)
  const nodeGpus = input.gpus ?? []
  const gpuUuids = Placements.gpusOf(experiment, nodeGpus)
  const variant = GpuVariants.choose({
    experiment,
    mode: runner.mode,
    variants: input.variants ?? [],
    nodeGpus: nodeGpus.length,
    gpuUuids,
  })
  // Where no engine is described none will be started.
  const problem = engine === null ? null : variant.problem
  const skip = skipOf(input, experiment, problem)
  return {
    index,
    hash,
    experiment,
    runner,
    placement: {
      gpuUuids,
      container: input.execution.container ?? limitsOf({}),
      gate: input.execution.gate ?? "warn",
      ...(variant.folder === null ? {} : { engineVariant: variant.folder }),
    },
    ...Durations.limits(experiment, input.execution.timeouts, input.execution.gate),
    skip,
    expectedSeconds: Durations.expected(experiment, engine?.batchSize(experiment) ?? experiment.load.concurrency ?? 1),
    variantProblem: skip?.code === problem?.code ? problem : null,
  }
}

/** Nothing heats up that would have to cool down when only the embedded engine runs, on the CPU. */
const needsNoGap = ({ experiment }: Prepared): boolean =>
  experiment.backend === "embedded" && (experiment.embedded?.gpu_layers ?? 0) === 0

const gaps = (
  input: PlanInput,
  prepared: ReadonlyArray<Prepared>,
): Pick<Plan, "experimentGapSeconds" | "cycleGapSeconds"> => {
  const none = prepared.filter((one) => one.skip === null).every(needsNoGap)
  const experimentGapSeconds = input.execution.experimentGapSeconds ?? (none ? 0 : 60)
  // Repeating each experiment before the next has no cycles to pause between.
  const cyclic = input.execution.order !== "sequential"
  return {
    experimentGapSeconds,
    cycleGapSeconds: cyclic ? (input.execution.cycleGapSeconds ?? (none ? 0 : 300)) : experimentGapSeconds,
  }
}

const unsupportedNotices = (prepared: ReadonlyArray<Prepared>): ReadonlyArray<Notice> =>
  [
    ...Map.groupBy(
      prepared.flatMap(({ skip }) => (skip?.code === "unsupported" ? [skip.message] : [])),
      (message) => message,
    ),
  ].map(([message, same]) => ({
    code: "unsupported",
    severity: "error",
    message: `${message}. ${same.length === 1 ? "It is" : `These ${same.length} are`} skipped.`,
  }))

const nothingLeft = (cells: ReadonlyArray<Cell>): ReadonlyArray<Finding> => {
  if (cells.length > 0 && cells.some((cell) => cell.skip === null)) return []
  const reasons = [...new Set(cells.flatMap((cell) => cell.skip?.message ?? []))]
  const shown = reasons.slice(0, 5)
  const more = reasons.length > shown.length ? ` (and ${reasons.length - shown.length} more reasons)` : ""
  return [
    {
      code: "nothing_to_run",
      message: `Nothing is left to run: ${shown.length === 0 ? "the study has no experiment" : shown.join("; ")}${more}.`,
      fix: "Install what is missing, choose another backend or runner, or change these fields; `llem doctor` shows what this node has.",
      blocking: true,
    },
  ]
}

const pausesSeconds = (run: ReadonlyArray<Cell>, pause: ReturnType<typeof gaps>): number =>
  run.reduce((sum, cell, position) => {
    const before = run[position - 1]
    if (before === undefined) return sum
    return sum + (before.cycle === cell.cycle ? pause.experimentGapSeconds : pause.cycleGapSeconds)
  }, 0)

/**
 * The finished plan: every cell in its order with its runner, its limits and, where it cannot run, the reason. When
 * no cell is left to run, that is a blocking finding.
 */
export const plan = (input: PlanInput): Plan => {
  const prepared = new Map(input.experiments.map((one) => [one.index, prepare(input, one)]))
  const pause = gaps(input, [...prepared.values()])
  const cells: Array<Cell> = []
  let expectedSeconds = 0
  for (const { index, cycle } of input.order) {
    const found = prepared.get(index)
    if (found === undefined) continue
    const { expectedSeconds: seconds, variantProblem: _, ...cell } = found
    cells.push({ ...cell, cycle })
    if (cell.skip === null) expectedSeconds += seconds
  }
  const run = cells.filter((cell) => cell.skip === null)
  const baselineSeconds = run.reduce((most, cell) => Math.max(most, Durations.baseline(cell.experiment)), 0)
  return {
    study: input.study,
    counts: {
      experiments: input.experiments.length,
      cycles: new Set(input.order.map((cell) => cell.cycle)).size,
      cells: cells.length,
      skipped: input.skipped.length,
    },
    runners: input.resolution.runners,
    notices: [...input.notices, ...input.judgement.notices, ...unsupportedNotices([...prepared.values()])],
    findings: [
      ...input.judgement.findings,
      ...GpuVariants.findings([...prepared.values()].flatMap(({ variantProblem }) => variantProblem ?? [])),
      ...nothingLeft(cells),
    ],
    cells,
    skipped: input.skipped,
    ...pause,
    expectedSeconds: expectedSeconds + baselineSeconds + pausesSeconds(run, pause),
  }
}
