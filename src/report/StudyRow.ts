import type { Config } from "../domain/ConfigSummary.ts"
import type { Quality } from "../domain/Energy.ts"
import type { ManifestEntry } from "../domain/Manifest.ts"
import type { ResultDocument } from "../domain/ResultDocument.ts"
import { type MeanInterval, meanInterval } from "./Interval.ts"

/** One cell of a study: where it stands, what was run, and its result as far as there is one. */
export interface StudyCell {
  readonly entry: ManifestEntry
  readonly config: Config | null
  readonly result: ResultDocument | null
}

/** All runs of one experiment. Every mean is over its valid runs only. */
export interface StudyRow {
  readonly index: number
  readonly config: Config | null
  readonly cells: ReadonlyArray<StudyCell>
  /** Results of completed runs with a valid verdict. */
  readonly valid: ReadonlyArray<ResultDocument>
  readonly tokensPerSecond: MeanInterval | null
  readonly joulesPerToken: MeanInterval | null
  /** Of the energy in `joulesPerToken`: estimated as soon as one run's is. */
  readonly energyQuality: Quality
  readonly ttftP50Seconds: number | null
  readonly ttftP95Seconds: number | null
  readonly tpotP50Seconds: number | null
}

const present = (values: ReadonlyArray<number | null | undefined>): ReadonlyArray<number> =>
  values.flatMap((value) => value ?? [])

const mean = (values: ReadonlyArray<number | null | undefined>): number | null =>
  meanInterval(present(values))?.mean ?? null

const isValid = (cell: StudyCell): boolean => cell.entry.status === "completed" && cell.result?.verdict.valid === true

const aggregate = (index: number, cells: ReadonlyArray<StudyCell>): StudyRow => {
  const valid = cells.filter(isValid).flatMap((cell) => cell.result ?? [])
  const withEnergy = valid.filter((result) => typeof result.efficiency?.joules_per_output_token === "number")
  const qualities = withEnergy.map((result) => result.energy?.quality)
  return {
    index,
    config: cells.find((cell) => cell.config !== null)?.config ?? null,
    cells,
    valid,
    tokensPerSecond: meanInterval(present(valid.map((result) => result.throughput?.output_tokens_per_second))),
    joulesPerToken: meanInterval(present(withEnergy.map((result) => result.efficiency?.joules_per_output_token))),
    energyQuality:
      withEnergy.length === 0
        ? "unavailable"
        : qualities.every((quality) => quality === "measured")
          ? "measured"
          : "estimated",
    ttftP50Seconds: mean(valid.map((result) => result.latency?.ttft_seconds?.p50)),
    ttftP95Seconds: mean(valid.map((result) => result.latency?.ttft_seconds?.p95)),
    tpotP50Seconds: mean(valid.map((result) => result.latency?.tpot_seconds?.p50)),
  }
}

/** The experiments of a study in their own order, their runs taken together. */
export const rows = (cells: ReadonlyArray<StudyCell>): ReadonlyArray<StudyRow> =>
  [...Map.groupBy(cells, (cell) => cell.entry.index)]
    .sort(([left], [right]) => left - right)
    .map(([index, runs]) => aggregate(index, runs))

/** How the runs of an experiment went, for the last column: text and whether something is wrong. */
export const verdict = (row: StudyRow): { readonly text: string; readonly wrong: boolean } => {
  const total = row.cells.length
  const counted = `${row.valid.length}/${total}`
  const every = (status: string): boolean => row.cells.every((cell) => cell.entry.status === status)
  if (every("skipped")) return { text: "✗ SKIPPED", wrong: true }
  if (every("failed")) return { text: `${counted} ✗ FAILED`, wrong: true }
  if (row.valid.length === 0 && row.cells.some((cell) => cell.entry.status === "completed"))
    return { text: `${counted} ✗ INVALID`, wrong: true }
  const ended = row.cells.filter((cell) => ["completed", "failed", "skipped"].includes(cell.entry.status))
  if (row.valid.length < ended.length) return { text: `${counted} ✗`, wrong: true }
  return ended.length < total ? { text: `${counted} …`, wrong: false } : { text: counted, wrong: false }
}
