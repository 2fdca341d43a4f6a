import { Schema } from "effect"
import { Notice } from "./Notice.ts"
import { Phase } from "./Phase.ts"

/** Which cell an event speaks of. */
const cellRef = { index: Schema.Int, cycle: Schema.Int, hash: Schema.String }

/** Figures of a finished cell that a person watching wants to see. */
export const CellFigures = Schema.Struct({
  valid: Schema.Boolean,
  energy_joules: Schema.NullOr(Schema.Finite),
  energy_quality: Schema.NullOr(Schema.String),
  output_tokens_per_second: Schema.NullOr(Schema.Finite),
  duration_seconds: Schema.NullOr(Schema.Finite),
})
export type CellFigures = typeof CellFigures.Type

/**
 * What happens in a study: the same shapes go to the journal and to `--progress json`, one per line.
 * `at` is an RFC 3339 UTC time with microseconds.
 */
export const StudyEvent = Schema.Union([
  Schema.Struct({
    event: Schema.Literal("study_started"),
    at: Schema.String,
    study_name: Schema.String,
    study_hash: Schema.String,
    cells: Schema.Int,
    directory: Schema.String,
    llem_version: Schema.String,
  }),
  Schema.Struct({
    event: Schema.Literal("cell_started"),
    at: Schema.String,
    ...cellRef,
    backend: Schema.String,
    runner: Schema.String,
    summary: Schema.String,
  }),
  Schema.Struct({ event: Schema.Literal("cell_phase"), at: Schema.String, ...cellRef, phase: Phase }),
  Schema.Struct({
    event: Schema.Literal("cell_completed"),
    at: Schema.String,
    ...cellRef,
    result_file: Schema.String,
    figures: CellFigures,
  }),
  Schema.Struct({
    event: Schema.Literal("cell_failed"),
    at: Schema.String,
    ...cellRef,
    result_file: Schema.NullOr(Schema.String),
    error_type: Schema.String,
    error_message: Schema.String,
    /** Absent in journals of earlier versions. */
    error_fix: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({
    event: Schema.Literal("cell_skipped"),
    at: Schema.String,
    ...cellRef,
    code: Schema.String,
    message: Schema.String,
  }),
  Schema.Struct({ event: Schema.Literal("cell_interrupted"), at: Schema.String, ...cellRef }),
  Schema.Struct({ event: Schema.Literal("notice"), at: Schema.String, ...Notice.fields }),
  Schema.Struct({
    event: Schema.Literal("study_finished"),
    at: Schema.String,
    status: Schema.Literals(["completed", "failed", "interrupted"]),
    completed: Schema.Int,
    failed: Schema.Int,
    skipped: Schema.Int,
    interrupted: Schema.Int,
  }),
])
export type StudyEvent = typeof StudyEvent.Type
