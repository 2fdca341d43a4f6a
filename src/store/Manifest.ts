import { HashMap, Option } from "effect"
import { type Config, summarise, variedPaths } from "../domain/ConfigSummary.ts"
import type { CellCounts, CellStatus, Manifest, ManifestEntry, StudyStatus, StudySummary } from "../domain/Manifest.ts"
import type { Notice } from "../domain/Notice.ts"
import type { CellFigures, StudyEvent } from "../domain/StudyEvent.ts"

/** A cell of the plan, as much of it as the manifest shows. */
export interface PlannedCell {
  readonly index: number
  readonly cycle: number
  readonly hash: string
  readonly backend: string
  readonly runner: string
  readonly config: Config
}

interface Row {
  readonly position: number
  readonly entry: ManifestEntry
  readonly figures: CellFigures | null
}

/** Where a study stands after a prefix of its journal. A persistent value: a step costs the same however many cells there are. */
export interface State {
  readonly studyName: string
  readonly studyHash: string
  readonly status: StudyStatus
  readonly llemVersion: string | null
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly lastEventAt: string | null
  readonly counts: CellCounts
  readonly rows: HashMap.HashMap<string, Row>
  readonly warnings: ReadonlyArray<Notice>
}

interface CellRef {
  readonly index: number
  readonly cycle: number
  readonly hash: string
}

const keyOf = (cell: CellRef): string => `${cell.index}/${cell.cycle}`

const blank = (cell: CellRef): ManifestEntry => ({
  index: cell.index,
  cycle: cell.cycle,
  config_hash: cell.hash,
  config_summary: null,
  backend: null,
  runner: null,
  status: "pending",
  result_file: null,
  error_type: null,
  error_message: null,
  started_at: null,
  completed_at: null,
})

const noCells: CellCounts = {
  cells: 0,
  pending: 0,
  running: 0,
  completed: 0,
  failed: 0,
  skipped: 0,
  interrupted: 0,
}

/** The state before the first event: every planned cell is pending. */
export const initial = (
  study: { readonly name: string; readonly hash: string },
  planned: ReadonlyArray<PlannedCell>,
): State => {
  const byIndex = new Map(planned.map((cell) => [cell.index, cell.config]))
  const varied = variedPaths([...byIndex.values()])
  const summaries = new Map([...byIndex].map(([index, config]) => [index, summarise(config, varied)]))
  const rows = planned.map((cell, position): readonly [string, Row] => [
    keyOf(cell),
    {
      position,
      figures: null,
      entry: {
        ...blank(cell),
        config_summary: summaries.get(cell.index) ?? null,
        backend: cell.backend,
        runner: cell.runner,
      },
    },
  ])
  return {
    studyName: study.name,
    studyHash: study.hash,
    status: "running",
    llemVersion: null,
    startedAt: null,
    finishedAt: null,
    lastEventAt: null,
    counts: { ...noCells, cells: rows.length, pending: rows.length },
    rows: HashMap.fromIterable(rows),
    warnings: [],
  }
}

const moved = (counts: CellCounts, from: CellStatus | null, to: CellStatus): CellCounts => {
  if (from === to) return counts
  const next = { ...counts, [to]: counts[to] + 1 }
  return from === null ? { ...next, cells: counts.cells + 1 } : { ...next, [from]: counts[from] - 1 }
}

const change = (
  state: State,
  cell: CellRef,
  entry: (before: ManifestEntry) => ManifestEntry,
  figures: Row["figures"] = null,
): State => {
  const key = keyOf(cell)
  const found = Option.getOrUndefined(HashMap.get(state.rows, key))
  const after = entry(found?.entry ?? blank(cell))
  const position = found?.position ?? HashMap.size(state.rows)
  return {
    ...state,
    counts: moved(state.counts, found?.entry.status ?? null, after.status),
    rows: HashMap.set(state.rows, key, { position, entry: after, figures }),
  }
}

/** Cells that were running when a study is started again were left by a process that is gone. */
const abandonRunning = (state: State): State => {
  const abandoned = [...HashMap.values(state.rows)].filter((row) => row.entry.status === "running")
  return abandoned.reduce(
    (next, { entry }) =>
      change(next, { index: entry.index, cycle: entry.cycle, hash: entry.config_hash }, (before) => ({
        ...before,
        status: "interrupted",
      })),
    state,
  )
}

const isKnown = (warnings: ReadonlyArray<Notice>, notice: Notice): boolean =>
  warnings.some((one) => one.code === notice.code && one.message === notice.message)

const step = (state: State, event: StudyEvent): State => {
  switch (event.event) {
    case "study_started":
      return {
        ...abandonRunning(state),
        studyName: event.study_name,
        studyHash: event.study_hash,
        llemVersion: event.llem_version,
        status: "running",
        startedAt: state.startedAt ?? event.at,
        finishedAt: null,
      }
    case "cell_started":
      return change(state, event, (before) => ({
        ...before,
        config_hash: event.hash,
        config_summary: before.config_summary ?? event.summary,
        backend: event.backend,
        runner: event.runner,
        status: "running",
        result_file: null,
        error_type: null,
        error_message: null,
        started_at: event.at,
        completed_at: null,
      }))
    case "cell_phase":
      return state
    case "cell_completed":
      return change(
        state,
        event,
        (before) => ({
          ...before,
          status: "completed",
          result_file: event.result_file,
          error_type: null,
          error_message: null,
          completed_at: event.at,
        }),
        event.figures,
      )
    case "cell_failed":
      return change(state, event, (before) => ({
        ...before,
        status: "failed",
        result_file: event.result_file,
        error_type: event.error_type,
        error_message: event.error_message,
        completed_at: event.at,
      }))
    case "cell_skipped":
      return change(state, event, (before) => ({
        ...before,
        status: "skipped",
        error_type: event.code,
        error_message: event.message,
        completed_at: event.at,
      }))
    case "cell_interrupted":
      return change(state, event, (before) => ({ ...before, status: "interrupted", completed_at: event.at }))
    case "notice": {
      const { code, severity, message } = event
      const notice = { code, severity, message }
      return severity === "info" || isKnown(state.warnings, notice)
        ? state
        : { ...state, warnings: [...state.warnings, notice] }
    }
    case "study_finished":
      return { ...state, status: event.status, finishedAt: event.at }
  }
}

/** The state after one more event. */
export const apply = (state: State, event: StudyEvent): State => ({ ...step(state, event), lastEventAt: event.at })

/** The state after many events. */
export const fold = (state: State, events: ReadonlyArray<StudyEvent>): State => events.reduce(apply, state)

const ordered = (state: State): ReadonlyArray<Row> =>
  [...HashMap.values(state.rows)].sort((left, right) => left.position - right.position)

/** The state as manifest.json has it. */
export const document = (state: State): Manifest => ({
  schema: "llem.manifest/1",
  study_name: state.studyName,
  study_hash: state.studyHash,
  status: state.status,
  started_at: state.startedAt,
  finished_at: state.finishedAt,
  counts: state.counts,
  entries: ordered(state).map((row) => row.entry),
})

const sumOrNull = (values: ReadonlyArray<number>): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0)

const joulesOf = (rows: ReadonlyArray<Row>, quality: string): ReadonlyArray<number> =>
  rows.flatMap(({ figures }) =>
    figures !== null && figures.energy_quality === quality && figures.energy_joules !== null
      ? [figures.energy_joules]
      : [],
  )

const secondsBetween = (from: string | null, to: string | null): number | null => {
  const seconds = from === null || to === null ? Number.NaN : (Date.parse(to) - Date.parse(from)) / 1000
  return Number.isFinite(seconds) ? seconds : null
}

/** The state as study.json sums it up. */
export const summary = (state: State): StudySummary => {
  const rows = ordered(state)
  const completed = rows.filter((row) => row.entry.status === "completed")
  const measured = joulesOf(completed, "measured")
  const estimated = joulesOf(completed, "estimated")
  const valid = completed.filter((row) => row.figures?.valid === true).length
  return {
    schema: "llem.study/1",
    study_name: state.studyName,
    study_hash: state.studyHash,
    status: state.status,
    llem_version: state.llemVersion,
    started_at: state.startedAt,
    finished_at: state.finishedAt,
    wall_time_seconds: secondsBetween(state.startedAt, state.lastEventAt),
    counts: state.counts,
    unique_configurations: new Set(rows.map((row) => row.entry.config_hash)).size,
    totals: {
      measured_joules: sumOrNull(measured),
      measured_cells: measured.length,
      estimated_joules: sumOrNull(estimated),
      estimated_cells: estimated.length,
      unavailable_cells: completed.length - measured.length - estimated.length,
      window_seconds: sumOrNull(completed.flatMap((row) => row.figures?.duration_seconds ?? [])) ?? 0,
      valid_cells: valid,
      invalid_cells: completed.length - valid,
    },
    result_files: rows.flatMap((row) => row.entry.result_file ?? []),
    warnings: state.warnings,
  }
}
