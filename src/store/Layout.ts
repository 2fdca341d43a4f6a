import { modelName } from "../domain/ConfigSummary.ts"
import type { Experiment } from "../domain/Experiment.ts"

export const planFile = "plan.json"
export const journalFile = "journal.ndjson"
export const manifestFile = "manifest.json"
export const summaryFile = "study.json"
export const cellsFolder = "cells"
export const resultFile = "result.json"
export const requestsFile = "requests.parquet"
export const powerFile = "power.parquet"

const longestName = 80
const longestSlug = 60

/** Text as a part of a file name: ASCII letters, digits, `.`, `_` and `-`, never hidden, never an option, bounded. */
const safe = (text: string, longest: number, otherwise: string): string => {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{Mark}+/gu, "")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, longest)
    .replace(/[.-]+$/, "")
  return plain === "" ? otherwise : plain
}

const twoDigits = (value: number): string => String(value).padStart(2, "0")

/** A time as `yyyymmddThhmmssZ`. */
export const stamp = (utc: Date): string =>
  `${String(utc.getUTCFullYear()).padStart(4, "0")}${twoDigits(utc.getUTCMonth() + 1)}${twoDigits(utc.getUTCDate())}` +
  `T${twoDigits(utc.getUTCHours())}${twoDigits(utc.getUTCMinutes())}${twoDigits(utc.getUTCSeconds())}Z`

/** The name of a study's folder; from the second try on with -2, -3, ... */
export const studyFolder = (name: string, startedAt: Date, attempt: number): string =>
  `${safe(name, longestName, "study")}_${stamp(startedAt)}${attempt === 1 ? "" : `-${attempt}`}`

/** Model and backend as a part of a file name. */
export const slug = (experiment: Pick<Experiment, "model" | "backend">): string =>
  `${safe(modelName(experiment.model).replaceAll(":", "-"), longestSlug - experiment.backend.length - 1, "model")}-${experiment.backend}`

/** What names a cell's folder. */
export interface CellName {
  readonly index: number
  readonly cycle: number
  readonly hash: string
  readonly experiment: Pick<Experiment, "model" | "backend">
}

/** A cell's folder relative to its study's: `cells/<NNNN>_c<cycle>_<slug>_<hash8>`. */
export const cellFolder = (cell: CellName): string =>
  `${cellsFolder}/${String(cell.index).padStart(4, "0")}_c${cell.cycle}_${slug(cell.experiment)}_${cell.hash.slice(0, 8)}`
