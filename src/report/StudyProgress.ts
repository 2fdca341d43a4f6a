import type { Phase } from "../domain/Phase.ts"
import type { StudyEvent } from "../domain/StudyEvent.ts"

/** The cell that runs now. Times are seconds of the clock that the caller stamps events with. */
export interface RunningCell {
  readonly cycle: number
  readonly summary: string
  readonly startedSeconds: number
  readonly phase: Phase | null
  readonly phaseSeconds: number
}

/** What a person watching a study wants to know, after some of its events. */
export interface StudyProgress {
  readonly name: string
  readonly cells: number
  /** How many cells have begun or were skipped: the number of the current one. */
  readonly position: number
  readonly startedSeconds: number | null
  readonly firstCellSeconds: number | null
  readonly lastEndSeconds: number | null
  readonly current: RunningCell | null
  readonly completed: number
  readonly invalid: number
  readonly failed: number
  readonly skipped: number
  readonly interrupted: number
  readonly finished: boolean
}

export const initial: StudyProgress = {
  name: "",
  cells: 0,
  position: 0,
  startedSeconds: null,
  firstCellSeconds: null,
  lastEndSeconds: null,
  current: null,
  completed: 0,
  invalid: 0,
  failed: 0,
  skipped: 0,
  interrupted: 0,
  finished: false,
}

const ended = (progress: StudyProgress, nowSeconds: number): StudyProgress => ({
  ...progress,
  current: null,
  lastEndSeconds: nowSeconds,
})

/** The progress after one more event, seen at `nowSeconds`. */
export const apply = (progress: StudyProgress, event: StudyEvent, nowSeconds: number): StudyProgress => {
  switch (event.event) {
    case "study_started":
      return { ...initial, name: event.study_name, cells: event.cells, startedSeconds: nowSeconds }
    case "cell_started":
      return {
        ...progress,
        position: progress.position + 1,
        firstCellSeconds: progress.firstCellSeconds ?? nowSeconds,
        current: {
          cycle: event.cycle,
          summary: event.summary,
          startedSeconds: nowSeconds,
          phase: null,
          phaseSeconds: nowSeconds,
        },
      }
    case "cell_phase":
      return progress.current === null
        ? progress
        : { ...progress, current: { ...progress.current, phase: event.phase, phaseSeconds: nowSeconds } }
    case "cell_completed":
      return {
        ...ended(progress, nowSeconds),
        completed: progress.completed + 1,
        invalid: progress.invalid + (event.figures.valid ? 0 : 1),
      }
    case "cell_failed":
      return { ...ended(progress, nowSeconds), failed: progress.failed + 1 }
    case "cell_interrupted":
      return { ...progress, current: null, interrupted: progress.interrupted + 1 }
    case "cell_skipped":
      return { ...progress, position: progress.position + 1, skipped: progress.skipped + 1 }
    case "notice":
      return progress
    case "study_finished":
      return { ...progress, current: null, finished: true }
  }
}

/**
 * Seconds until the end, from the mean wall time of past cells, pauses between them included; null before the first cell
 * has ended and after the last.
 */
export const remainingSeconds = (progress: StudyProgress, nowSeconds: number): number | null => {
  const { firstCellSeconds, lastEndSeconds, current } = progress
  const past = progress.completed + progress.failed
  const left = progress.cells - past - progress.skipped - progress.interrupted
  if (firstCellSeconds === null || lastEndSeconds === null || past === 0 || left <= 0 || progress.finished) return null
  const perCell = (lastEndSeconds - firstCellSeconds) / past
  const spent = current === null ? 0 : Math.min(perCell, nowSeconds - current.startedSeconds)
  return perCell * left - spent
}
