import { Context, type Effect } from "effect"
import type { ExecutionError } from "../domain/Failure.ts"
import type { LiveFigures } from "../domain/LiveFigures.ts"
import type { Phase } from "../domain/Phase.ts"
import type { Cell } from "../domain/Plan.ts"
import type { ResultDocument } from "../domain/ResultDocument.ts"

/** What a cell is told about the study it belongs to. */
export interface CellContext {
  /** The cell's own folder, which exists already: raw tables, environment and engine log go there. */
  readonly directory: string
  /** The study's name. */
  readonly study: string
  /** 1, or higher when a failed cell is tried again. */
  readonly attempt: number
  /** Whether the engine may be kept for the next cell when its launch is identical. */
  readonly reuseEngine: boolean
  /** Called as each phase begins. */
  readonly onPhase: (phase: Phase) => Effect.Effect<void>
  /** Called about once a second with live figures. */
  readonly onLive: (figures: LiveFigures) => Effect.Effect<void>
}

/**
 * Runs one cell to its result. Interruption stops the engine before it returns.
 * A result is returned also when its verdict is invalid; a failure is an ExecutionError.
 */
export class Executor extends Context.Service<
  Executor,
  {
    /** Set where a script decides what cells do: whatever is recorded of them then says so. */
    readonly scripted?: true
    execute(cell: Cell, context: CellContext): Effect.Effect<ResultDocument, ExecutionError>
  }
>()("llem/executors/Executor") {}
