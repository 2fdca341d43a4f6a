import { Schema } from "effect"
import { described } from "./Fields.ts"
import { Notice } from "./Notice.ts"

export const CellStatus = Schema.Literals(["pending", "running", "completed", "failed", "skipped", "interrupted"])
export type CellStatus = typeof CellStatus.Type

/** `running` also stands for a study whose process was killed: only its journal's last event tells. */
export const StudyStatus = Schema.Literals(["running", "completed", "failed", "interrupted"])
export type StudyStatus = typeof StudyStatus.Type

/** One cell of a study. Fields that the journal alone cannot tell are null where plan.json is missing too. */
export const ManifestEntry = Schema.Struct({
  index: Schema.Int,
  cycle: Schema.Int,
  config_hash: Schema.String,
  config_summary: Schema.NullOr(Schema.String),
  backend: Schema.NullOr(Schema.String),
  runner: Schema.NullOr(Schema.String),
  status: CellStatus,
  result_file: described(Schema.NullOr(Schema.String), "Relative to the study's folder"),
  error_type: described(Schema.NullOr(Schema.String), "E.g. EngineError.crash; for a skipped cell the reason's code"),
  error_message: Schema.NullOr(Schema.String),
  started_at: Schema.NullOr(Schema.String),
  completed_at: Schema.NullOr(Schema.String),
})
export type ManifestEntry = typeof ManifestEntry.Type

export const CellCounts = Schema.Struct({
  cells: Schema.Int,
  pending: Schema.Int,
  running: Schema.Int,
  completed: Schema.Int,
  failed: Schema.Int,
  skipped: Schema.Int,
  interrupted: Schema.Int,
})
export type CellCounts = typeof CellCounts.Type

/** `manifest.json`: where each cell of a study stands. A fold over the journal, entries in the order of the plan. */
export const Manifest = Schema.Struct({
  schema: Schema.Literal("llem.manifest/1"),
  study_name: Schema.String,
  study_hash: Schema.String,
  status: StudyStatus,
  started_at: Schema.NullOr(Schema.String),
  finished_at: Schema.NullOr(Schema.String),
  counts: CellCounts,
  entries: Schema.Array(ManifestEntry),
})
export type Manifest = typeof Manifest.Type

/** Energy of all completed cells over their windows; measured and estimated joules are never added up. */
const Totals = Schema.Struct({
  measured_joules: described(Schema.NullOr(Schema.Finite), "Null when no completed cell has a measured total"),
  measured_cells: Schema.Int,
  estimated_joules: described(Schema.NullOr(Schema.Finite), "Null when no completed cell has an estimated total"),
  estimated_cells: Schema.Int,
  unavailable_cells: described(Schema.Int, "Completed cells whose energy could not be had"),
  window_seconds: described(Schema.Finite, "Sum of the windows of all completed cells that had one"),
  valid_cells: Schema.Int,
  invalid_cells: Schema.Int,
})

/** `study.json`: the summary of a study that has ended. */
export const StudySummary = Schema.Struct({
  schema: Schema.Literal("llem.study/1"),
  study_name: Schema.String,
  study_hash: Schema.String,
  status: StudyStatus,
  llem_version: Schema.NullOr(Schema.String),
  started_at: Schema.NullOr(Schema.String),
  finished_at: Schema.NullOr(Schema.String),
  wall_time_seconds: described(
    Schema.NullOr(Schema.Finite),
    "From the first study_started to the last event of the journal; null when nothing started",
  ),
  counts: CellCounts,
  unique_configurations: Schema.Int,
  totals: Totals,
  result_files: described(Schema.Array(Schema.String), "Relative to the study's folder"),
  warnings: described(Schema.Array(Notice), "Every notice of severity warning or error, once"),
})
export type StudySummary = typeof StudySummary.Type
