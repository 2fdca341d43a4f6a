import type { CounterBreak } from "../domain/Energy.ts"

/** How a cumulative counter behaves. */
export interface CounterRange {
  /** The value after which the counter starts again at 0; null when it never does. */
  readonly wrapsAt: number | null
  /** The fastest that it can plausibly grow, per second: what tells a wrap from a reset. */
  readonly maxPerSecond: number
}

export interface Unwrapped {
  readonly values: Float64Array
  readonly breaks: ReadonlyArray<CounterBreak>
}

/** Updates may come in bursts: growth is allowed for so much longer than the samples are apart. */
const SLACK_SECONDS = 0.1

/**
 * Makes a counter that wraps continuous, in the counter's own unit. A decrease is a wrap when the growth that it
 * implies is plausible for the time between the samples; otherwise the counter was reset, which is a break. So is a
 * gap in which the counter could have gone round a whole time. After a break values go on as the source shows them.
 */
export const unwrap = (timesSeconds: Float64Array, raw: Float64Array, range: CounterRange): Unwrapped => {
  const values = new Float64Array(raw.length)
  const breaks: Array<CounterBreak> = []
  let offset = 0
  for (let index = 0; index < raw.length; index++) {
    const value = raw[index] ?? Number.NaN
    if (index > 0) {
      const fromSeconds = timesSeconds[index - 1] ?? Number.NaN
      const toSeconds = timesSeconds[index] ?? Number.NaN
      const step = value - (raw[index - 1] ?? Number.NaN)
      const plausible = range.maxPerSecond * (toSeconds - fromSeconds + SLACK_SECONDS)
      const { wrapsAt } = range
      if (wrapsAt !== null && plausible >= wrapsAt) {
        const gap = (toSeconds - fromSeconds).toFixed(1)
        breaks.push({ fromSeconds, toSeconds, why: `no sample for ${gap} s, in which the counter may have wrapped` })
      } else if (step < 0) {
        if (wrapsAt !== null && step + wrapsAt >= 0 && step + wrapsAt <= plausible) offset += wrapsAt
        else breaks.push({ fromSeconds, toSeconds, why: "the counter was reset" })
      }
    }
    values[index] = value + offset
  }
  return { values, breaks }
}
