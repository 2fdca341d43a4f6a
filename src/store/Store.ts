import { Context, type Effect, Schema, type Scope } from "effect"
import type { DomainSeries } from "../domain/Energy.ts"
import type { Cell, Plan } from "../domain/Plan.ts"
import type { RequestRecord } from "../domain/Request.ts"
import type { ResultDocument } from "../domain/ResultDocument.ts"
import type { StudyEvent } from "../domain/StudyEvent.ts"

/** A write that results depend on failed. `journal` ends the study; anything else fails one cell only. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  what: Schema.Literals(["directory", "journal", "manifest", "result", "table"]),
  path: Schema.String,
  message: Schema.String,
  fix: Schema.String,
}) {}

/** One study's folder, open for writing. */
export interface StudyFolder {
  readonly directory: string
  /** Appends one line to the journal and makes it durable before it returns. */
  readonly append: (event: StudyEvent) => Effect.Effect<void, StoreError>
  /** Creates (once) and gives the cell's folder. */
  readonly cellDirectory: (cell: Cell) => Effect.Effect<string, StoreError>
  /** Writes result.json atomically (temp file, fsync, rename); gives its path relative to the study's folder. */
  readonly writeResult: (cell: Cell, result: ResultDocument) => Effect.Effect<string, StoreError>
}

/**
 * Creates study folders `<results directory>/<name>_<UTC time>`. `planDocument` is plan.json, already in its outer form.
 * Closing the scope writes the last manifest and the summary.
 */
export class Store extends Context.Service<
  Store,
  {
    openStudy(
      plan: Plan,
      resultsDirectory: string,
      planDocument: unknown,
    ): Effect.Effect<StudyFolder, StoreError, Scope.Scope>
  }
>()("llem/store/Store") {}

/** The raw tables and side files of one cell, written by whoever runs it. */
export class CellFiles extends Context.Service<
  CellFiles,
  {
    writeRequests(directory: string, requests: ReadonlyArray<RequestRecord>): Effect.Effect<void, StoreError>
    writePower(directory: string, series: ReadonlyArray<DomainSeries>): Effect.Effect<void, StoreError>
    writeJson(directory: string, name: string, value: unknown): Effect.Effect<void, StoreError>
    /** `engine.log` of a cell whose engine was started for an earlier one: where that one's log is. */
    writeLogReference(directory: string, startedIn: string): Effect.Effect<void, StoreError>
  }
>()("llem/store/CellFiles") {}
