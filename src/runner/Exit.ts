import { type EndingSignal, signalNumbers } from "../domain/EndingSignal.ts"

/** The exit codes that scripts and schedulers rely on. */
export const codes = {
  ok: 0,
  failed: 1,
  usage: 2,
  drift: 3,
  defect: 70,
  locked: 75,
} as const

/** How often cells ended in which way, and how many were planned. */
export interface CellTally {
  readonly cells: number
  readonly completed: number
}

/** 0 when everything that was planned has completed; else, and also when there was nothing to run, 1. */
export const ofStudy = (tally: CellTally): number =>
  tally.cells > 0 && tally.completed === tally.cells ? codes.ok : codes.failed

/** 128 + the signal's number, as shells report it. */
export const ofSignal = (signal: EndingSignal): number => 128 + signalNumbers[signal]
