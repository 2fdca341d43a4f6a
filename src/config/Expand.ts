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

/** Resolves raw fields; the failure is the reason why the combination is invalid. */
export type ResolveCombination = (raw: RawConfig) => Result.Result<Experiment, string>

/** The raw combinations in order: the sweep backend by backend, then the explicit experiments over the fixed fields. */
function* combinations(material: SweepMaterial): Generator<RawConfig> {
  if (material.hasSweep)
    for (const backend of Axes.backendsOf(material))
      yield* Axes.product(Axes.fixedFor(material, backend), Axes.dimensionsOf(material, backend))
  for (const entry of material.explicit) yield { ...material.fixed, ...entry }
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
      yield { kind: "skipped", reason: `the same as experiment ${before}`, config }
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

const countReasons = (skipped: ReadonlyArray<SkippedCombination>): string =>
  [...Map.groupBy(skipped, ({ reason }) => reason)]
    .map(([reason, same]) => `${reason} (${same.length} ${same.length === 1 ? "combination" : "combinations"})`)
    .join("; ")

/** Expands a whole study; the failure says why every combination is invalid. */
export const collect = (material: SweepMaterial, resolve: ResolveCombination): Result.Result<Expansion, string> => {
  const experiments: Array<Expansion["experiments"][number]> = []
  const skipped: Array<SkippedCombination> = []
  for (const one of expand(material, resolve)) {
    if (one.kind === "skipped") skipped.push({ reason: one.reason, config: one.config })
    else experiments.push({ index: one.index, experiment: one.experiment, hash: one.hash })
  }
  if (experiments.length === 0)
    return Result.fail(`every combination of the study is invalid: ${countReasons(skipped) || "there is none"}`)
  const total = experiments.length + skipped.length
  return Result.succeed({
    experiments,
    skipped,
    studyHash: hashOf(experiments.map(({ hash }) => hash)),
    notices:
      skipped.length * 2 > total
        ? [
            {
              code: "many_skipped",
              severity: "warning",
              message: `${skipped.length} of ${total} combinations are skipped: ${countReasons(skipped)}.`,
            },
          ]
        : [],
  })
}
