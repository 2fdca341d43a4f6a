import type { Execution } from "../domain/Study.ts"
import { permutation, random } from "./Random.ts"

/** One run: the experiment's number and the cycle, both from 1. */
export interface Ordered {
  readonly index: number
  readonly cycle: number
}

const inOrder = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index + 1)

/** How many rows the balanced square of a count has: the count, or twice that where it is odd. */
export const williamsRows = (count: number): number => (count % 2 === 0 ? count : 2 * count)

/**
 * One row (from 0, going round) of a Latin square balanced for carry-over (Williams 1949): each number stands equally
 * often in every place, and over all rows each number is followed by every other one equally often. For an odd count
 * that takes the rows and their mirror images. Rows are made one by one: a square of thousands is never needed whole.
 */
export const williamsRow = (count: number, row: number): ReadonlyArray<number> => {
  const mirrored = row % williamsRows(count) >= count
  const values = Array.from({ length: count }, (_, place) => {
    const first = place === 0 ? 0 : place % 2 === 1 ? (place + 1) / 2 : count - place / 2
    return ((first + row) % count) + 1
  })
  return mirrored ? values.toReversed() : values
}

/** The seed of a study that names none: the first 32 bits of its hash. */
export const seedOf = (execution: Pick<Execution, "shuffleSeed">, studyHash: string): number =>
  execution.shuffleSeed ?? Number.parseInt(studyHash.slice(0, 8), 16)

const cycleOrder = (
  count: number,
  execution: Pick<Execution, "cycles" | "order" | "shuffleSeed">,
  studyHash: string,
): ((cycle: number) => ReadonlyArray<number>) => {
  switch (execution.order) {
    case "shuffled": {
      const next = random(seedOf(execution, studyHash))
      return () => permutation(count, next)
    }
    case "reverse":
      return (cycle) => (cycle % 2 === 1 ? inOrder(count) : inOrder(count).toReversed())
    case "latin_square": {
      // Which experiment stands for which number of the square is drawn once, so that no order is built into the file.
      const names = permutation(count, random(seedOf(execution, studyHash)))
      return (cycle) => williamsRow(count, cycle - 1).map((value) => names[value - 1] ?? value)
    }
    default:
      return () => inOrder(count)
  }
}

/**
 * Every run of a study in its order: sequential AAABBB, interleaved ABAB, shuffled (each cycle on its own), reverse
 * (ABBAAB), or latin_square (a row of the balanced square per cycle; the rows go round when there are more cycles).
 * The same arguments give the same order on every machine; without a seed in the file the study's hash gives it.
 */
export const cells = (
  count: number,
  execution: Pick<Execution, "cycles" | "order" | "shuffleSeed">,
  studyHash: string,
): ReadonlyArray<Ordered> => {
  const cycles = Array.from({ length: execution.cycles }, (_, index) => index + 1)
  if (execution.order === "sequential")
    return inOrder(count).flatMap((index) => cycles.map((cycle) => ({ index, cycle })))
  const order = cycleOrder(count, execution, studyHash)
  return cycles.flatMap((cycle) => order(cycle).map((index) => ({ index, cycle })))
}
