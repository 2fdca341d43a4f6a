import { Context, type Effect } from "effect"
import type { LiveFigures } from "../domain/LiveFigures.ts"
import type { StudyEvent } from "../domain/StudyEvent.ts"

/** Events for people and machines: a live terminal view, plain lines, JSON lines, or nothing. */
export class Progress extends Context.Service<
  Progress,
  {
    emit(event: StudyEvent): Effect.Effect<void>
    /** Updates the live view; ignored by every other adapter. */
    live(figures: LiveFigures): Effect.Effect<void>
  }
>()("llem/progress/Progress") {}
