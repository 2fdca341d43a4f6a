import { type Cause, Cause as Causes } from "effect"
import { DefectError, EngineError, type ExecutionError, LocalError } from "../domain/Failure.ts"
import { inContainer } from "../domain/InContainer.ts"
import type { Cell } from "../domain/Plan.ts"
import type { ResultDocument } from "../domain/ResultDocument.ts"
import type { CellFigures } from "../domain/StudyEvent.ts"
import type { StoreError } from "../store/Store.ts"

/** The figures of a result that journal and progress carry. */
export const figuresOf = (result: ResultDocument): CellFigures => ({
  valid: result.verdict.valid,
  energy_joules: result.energy?.total_joules ?? null,
  energy_quality: result.energy?.quality ?? null,
  output_tokens_per_second: result.throughput?.output_tokens_per_second ?? null,
  duration_seconds: result.window?.duration_seconds ?? null,
})

/** A cell that took longer than its limit. */
export const timedOut = (cell: Cell): ExecutionError =>
  inContainer(
    cell.runner.mode,
    new EngineError({
      reason: "timeout",
      message: `The cell took longer than its limit of ${cell.timeoutSeconds} s`,
      fix: "Reduce the experiment, or raise the limit (--timeout, or execution.timeouts.cell_seconds).",
      details: { limit_seconds: cell.timeoutSeconds },
    }),
  )

/** What could not be written of one cell fails that cell. */
export const storageFailure = (error: StoreError): LocalError =>
  new LocalError({
    reason: "storage",
    message: error.message,
    fix: error.fix,
    details: { what: error.what, path: error.path },
  })

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? ""

/** A defect while one cell ran, as that cell's failure; what is known of its place goes into the details. */
export const defectFailure = (cause: Cause.Cause<unknown>): DefectError => {
  const thrown = Causes.squash(cause)
  const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return new DefectError({
    reason: "defect",
    message: `A defect in llem ended this cell: ${firstLine(said)}`,
    fix: "Please report it with the details in result.json; the other cells are not affected.",
    details: { cause: Causes.pretty(cause) },
  })
}
