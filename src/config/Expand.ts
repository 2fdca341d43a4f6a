import { Result } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { Notice } from "../domain/Notice.ts"
import type { SkippedCombination } from "../domain/Plan.ts"
import type { RawConfig, SweepMaterial } from "../domain/Study.ts"
import * as Axes from "./Axes.ts"
import { hashOf } from "./Hash.ts"

/** One combination of a study: a valid experiment, or an invalid one with its reason. */
export type Combination =
  | { readonly kind: "experiment"; readonly index: number; readonly experiment: Experiment; readonly hash: string }
  | { readonly kind: "skipped"; readonly reason: string; readonly config: RawConfig }

const repeats = "duplicate of experiment"

/** Resolves raw fields; the failure is the reason why the combination is invalid. */
export type ResolveCombination = (raw: RawConfig) => Result.Result<Experiment, string>

/** The raw combinations in order: the sweep backend by backend, then the explicit experiments over the fixed fields. */
function* combinations(material: SweepMaterial): Generator<RawConfig> {
  if (material.hasSweep)
    for (const { fixed, dimensions } of Axes.parts(material)) yield* Axes.product(fixed, dimensions)
  yield* Axes.explicit(material)
  if (!material.hasSweep && material.explicit.length === 0) yield material.fixed
}

/**
 * Expands a study one combination at a time. Valid experiments are numbered from 1; one that equals an earlier
 * experiment in every field is skipped.
 */
export function* expand(material: SweepMaterial, resolve: ResolveCombination): Generator<Combination> {
  const seen = new Map<string, number>()
  let index = 0
  for (const config of combinations(material)) {
    const resolved = resolve(config)
    if (Result.isFailure(resolved)) {
      yield { kind: "skipped", reason: resolved.failure, config }
      continue
    }
    const hash = hashOf(resolved.success)
    const before = seen.get(hash)
    if (before !== undefined) {
      yield { kind: "skipped", reason: `${repeats} ${before}`, config }
      continue
    }
    index += 1
    seen.set(hash, index)
    yield { kind: "experiment", index, experiment: resolved.success, hash }
  }
}

/** A study expanded whole. */
export interface Expansion {
  readonly experiments: ReadonlyArray<{
    readonly index: number
    readonly experiment: Experiment
    readonly hash: string
  }>
  readonly skipped: ReadonlyArray<SkippedCombination>
  /** sha256 over the experiments in their order, before cycles. */
  readonly studyHash: string
  readonly notices: ReadonlyArray<Notice>
}

const reasonsShown = 8

/** Distinct reasons with their counts, the most frequent first; experiments that repeat others count as one reason. */
const countReasons = (skipped: ReadonlyArray<SkippedCombination>): string => {
  const counted = [
    ...Map.groupBy(skipped, ({ reason }) => (reason.startsWith(repeats) ? "it repeats another" : reason)),
  ]
    .map(([reason, same]) => ({ reason, count: same.length }))
    .toSorted((left, right) => right.count - left.count)
  const shown = counted
    .slice(0, reasonsShown)
    .map(({ reason, count }) => `${reason} (${count} ${count === 1 ? "combination" : "combinations"})`)
  const rest = counted.length - shown.length
  return [...shown, ...(rest > 0 ? [`${rest} further reasons`] : [])].join("; ")
}

const noticesOf = (
  material: SweepMaterial,
  skipped: ReadonlyArray<SkippedCombination>,
  total: number,
): ReadonlyArray<Notice> => [
  ...Axes.unused(material).map(
    (path): Notice => ({
      code: "axis_unused",
      severity: "warning",
      message: `sweep.${path} is not used: the backend axis does not have ${path.split(".")[0]}. Add it there, or remove the axis.`,
    }),
  ),
  ...(skipped.length * 2 > total
    ? [
        {
          code: "many_skipped",
          severity: "warning",
          message: `${skipped.length} of ${total} combinations are skipped: ${countReasons(skipped)}.`,
        } as const,
      ]
    : []),
]

/** A study of more is a mistake in its axes. */
export const maximumCombinations = 100_000

/** Expands a whole study; the failure says why every combination is invalid. */
export const collect = (material: SweepMaterial, resolve: ResolveCombination): Result.Result<Expansion, string> => {
  const experiments: Array<Expansion["experiments"][number]> = []
  const skipped: Array<SkippedCombination> = []
  for (const one of expand(material, resolve)) {
    if (one.kind === "skipped") skipped.push({ reason: one.reason, config: one.config })
    else experiments.push({ index: one.index, experiment: one.experiment, hash: one.hash })
    if (experiments.length + skipped.length > maximumCombinations)
      return Result.fail(
        `the study has more than ${maximumCombinations} combinations, more than anyone could run; split it, or use fewer values`,
      )
  }
  if (experiments.length === 0)
    return Result.fail(`every combination of the study is invalid: ${countReasons(skipped) || "there is none"}`)
  const total = experiments.length + skipped.length
  return Result.succeed({
    experiments,
    skipped,
    studyHash: hashOf(experiments.map(({ hash }) => hash)),
    notices: noticesOf(material, skipped, total),
  })
}
