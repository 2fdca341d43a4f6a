import type { Execution } from "../domain/Study.ts"
import { permutation, random } from "./Random.ts"

/** One run: the experiment's number and the cycle, both from 1. */
export interface Ordered {
  readonly index: number
  readonly cycle: number
}

/**
 * The rows of a Latin square balanced for carry-over (Williams 1949): each number stands once in every place, and over
 * all rows each number is followed by every other one equally often. For an odd count that takes the rows and their
 * mirror images, 2 x count in all.
 */
export const williams = (count: number): ReadonlyArray<ReadonlyArray<number>> => {
  const first = Array.from({ length: count }, (_, place) =>
    place === 0 ? 0 : place % 2 === 1 ? (place + 1) / 2 : count - place / 2,
  )
  const rows = Array.from({ length: count }, (_, shift) => first.map((value) => ((value + shift) % count) + 1))
  return count % 2 === 0 ? rows : [...rows, ...rows.map((row) => row.toReversed())]
}

const inOrder = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index + 1)

/** One row of a Williams square; made alone, since a square of thousands is never needed whole. */
const williamsRow = (count: number, row: number): ReadonlyArray<number> => {
  const mirrored = count % 2 === 1 && row % (2 * count) >= count
  const shift = row % count
  const values = Array.from({ length: count }, (_, place) => {
    const first = place === 0 ? 0 : place % 2 === 1 ? (place + 1) / 2 : count - place / 2
    return ((first + shift) % count) + 1
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

/** Every run of a study in its order. Sequential repeats each experiment before the next; all others go by cycles. */
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
