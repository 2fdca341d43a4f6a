/** One line of a benchmark's verdict: the figure, its goal, and whether it was met. */
export interface Verdict {
  readonly figure: string
  readonly value: number
  readonly goal: number
  readonly unit: string
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Prints each verdict; the process exits with 1 when a goal was missed. */
export const report = (verdicts: ReadonlyArray<Verdict>): void => {
  for (const { figure, value, goal, unit } of verdicts) {
    const met = value <= goal
    console.log(
      `${met ? "met   " : "MISSED"} ${figure}: ${Number(value.toPrecision(4))} ${unit} (goal <= ${goal} ${unit})`,
    )
    if (!met) process.exitCode = 1
  }
}
