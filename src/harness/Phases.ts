import { Effect, Ref } from "effect"
import type { Phase } from "../domain/Phase.ts"
import { Timeline } from "../domain/Timeline.ts"
import type { Span } from "../domain/Window.ts"

/** When one phase of a cell began and ended, in seconds of the monotonic clock. */
export interface PhaseSpan {
  readonly phase: Phase
  readonly span: Span
}

/** Stamps the phases of one cell; entering a phase ends the one before it. */
export interface PhaseLog {
  readonly enter: (phase: Phase) => Effect.Effect<void>
  /** Every phase so far; the one that is still open ends now. */
  readonly spans: Effect.Effect<ReadonlyArray<PhaseSpan>>
}

interface State {
  readonly done: ReadonlyArray<PhaseSpan>
  readonly open: { readonly phase: Phase; readonly startSeconds: number }
}

const closed = (state: State, now: number): ReadonlyArray<PhaseSpan> => [
  ...state.done,
  { phase: state.open.phase, span: { startSeconds: state.open.startSeconds, endSeconds: now } },
]

/** A log whose first phase, the gate, begins now. */
export const make = Effect.fnUntraced(function* (onPhase: (phase: Phase) => Effect.Effect<void>) {
  const timeline = yield* Timeline
  yield* onPhase("gate")
  const state = yield* Ref.make<State>({ done: [], open: { phase: "gate", startSeconds: yield* timeline.now } })
  const log: PhaseLog = {
    enter: (phase) =>
      Effect.gen(function* () {
        yield* onPhase(phase)
        const now = yield* timeline.now
        yield* Ref.update(state, (before) => ({ done: closed(before, now), open: { phase, startSeconds: now } }))
      }),
    spans: Effect.gen(function* () {
      return closed(yield* Ref.get(state), yield* timeline.now)
    }),
  }
  return log
})
