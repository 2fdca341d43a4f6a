import type { DomainSeries } from "../domain/Energy.ts"
import { durationSeconds, type Span } from "../domain/Window.ts"

/** Energy of one domain over one span, or the reason why it is not known. */
export type SpanEnergy =
  | { readonly joules: number; readonly uncertaintyJoules: number; readonly why: null }
  | { readonly joules: null; readonly uncertaintyJoules: null; readonly why: string }

/** A cumulative value at one moment, and how much energy lies between the two readings that enclose it. */
interface Edge {
  readonly joules: number
  readonly enclosedJoules: number
}

/** So many mean sample periods, and never more than so many seconds, may lie between a span's edge and the nearest sample. */
const EDGE_PERIODS = 1.5
const EDGE_SECONDS = 1.5
/** A power reading stands for at most this long. */
const POWER_GAP_PERIODS = 10
const POWER_GAP_SECONDS = 1
/** A counter of which so many reads show no step ticks more slowly than it is read. */
const STAIRCASE_SHARE = 1 / 3
const NEIGHBOURS = 20

const unavailable = (why: string): SpanEnergy => ({ joules: null, uncertaintyJoules: null, why })

const at = (array: Float64Array, index: number): number => array[index] ?? Number.NaN

/** The last index whose time is not after `seconds`; -1 when there is none. */
const lastNotAfter = (times: Float64Array, seconds: number): number => {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at(times, middle) <= seconds) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The indices of two neighbouring samples that enclose a time, or of the nearest two. */
const enclosing = (times: Float64Array, seconds: number): number =>
  Math.min(Math.max(lastNotAfter(times, seconds), 0), times.length - 2)

/** Linear between the two samples around `seconds`. */
const edgeBetweenSamples = ({ timesSeconds, values }: DomainSeries, seconds: number): Edge => {
  const index = enclosing(timesSeconds, seconds)
  const from = at(timesSeconds, index)
  const to = at(timesSeconds, index + 1)
  const step = at(values, index + 1) - at(values, index)
  const share = (seconds - from) / (to - from)
  const outside = Math.max(-share, share - 1, 0)
  return {
    joules: at(values, index) + share * step,
    enclosedJoules: share === 0 || share === 1 ? 0 : step * Math.max(1, outside),
  }
}

/**
 * Linear between the two ticks around `seconds`, each of which lies midway between the reads that saw the value change.
 * Where there is no tick before or after, the first or last read takes its place, and one tick more is uncertain.
 */
const edgeBetweenTicks = ({ timesSeconds, values }: DomainSeries, seconds: number): Edge => {
  const middle = (index: number) => (at(timesSeconds, index - 1) + at(timesSeconds, index)) / 2
  let before = Math.min(Math.max(lastNotAfter(timesSeconds, seconds) + 1, 0), timesSeconds.length - 1)
  const steps = (index: number) => at(values, index) - at(values, index - 1)
  while (before > 0 && !(steps(before) !== 0 && middle(before) <= seconds)) before--
  let after = before + 1
  while (after < timesSeconds.length && steps(after) === 0) after++
  const startsAtTick = before > 0 && steps(before) > 0
  const endsAtTick = after < timesSeconds.length && steps(after) > 0
  const from = startsAtTick ? middle(before) : at(timesSeconds, before)
  const to = endsAtTick ? middle(after) : at(timesSeconds, after - 1)
  const step = endsAtTick ? steps(after) : 0
  const share = to > from ? Math.min(Math.max((seconds - from) / (to - from), 0), 1) : 0
  const unseen = (startsAtTick ? 0 : step) + (endsAtTick ? 0 : startsAtTick ? steps(before) : 0)
  return { joules: at(values, before) + share * step, enclosedJoules: Math.max(step, unseen) }
}

const energyOfCounter = (series: DomainSeries, span: Span, first: number, last: number): SpanEnergy => {
  for (const gap of series.breaks ?? [])
    if (gap.fromSeconds < span.endSeconds && gap.toSeconds > span.startSeconds) return unavailable(gap.why)
  for (let index = first + 1; index <= last; index++) {
    const step = at(series.values, index) - at(series.values, index - 1)
    if (!(step >= 0)) return unavailable("the counter went backwards: it was reset")
  }
  const from = Math.max(first - NEIGHBOURS, 0)
  const to = Math.min(last + NEIGHBOURS, series.values.length - 1)
  let still = 0
  for (let index = from + 1; index <= to; index++)
    if (at(series.values, index) === at(series.values, index - 1)) still++
  const edge = still / (to - from) >= STAIRCASE_SHARE ? edgeBetweenTicks : edgeBetweenSamples
  const start = edge(series, span.startSeconds)
  const end = edge(series, span.endSeconds)
  const joules = end.joules - start.joules
  if (joules === 0 && series.quality === "measured") return unavailable("the counter did not move")
  const edges = (start.enclosedJoules ** 2 + end.enclosedJoules ** 2 + 2 * series.resolution ** 2) / 12
  return {
    joules,
    uncertaintyJoules: Math.sqrt(edges + (series.relativeUncertainty * joules) ** 2),
    why: null,
  }
}

/** Watts at a time: linear between samples, constant outside them. */
const wattsAt = ({ timesSeconds, values }: DomainSeries, seconds: number): number => {
  const index = enclosing(timesSeconds, seconds)
  const from = at(timesSeconds, index)
  const share = Math.min(Math.max((seconds - from) / (at(timesSeconds, index + 1) - from), 0), 1)
  return at(values, index) + share * (at(values, index + 1) - at(values, index))
}

const energyOfPower = (series: DomainSeries, span: Span, period: number, first: number, last: number): SpanEnergy => {
  const longest = Math.max(POWER_GAP_SECONDS, POWER_GAP_PERIODS * period)
  let joules = 0
  let squares = 0
  let fromSeconds = span.startSeconds
  let fromWatts = wattsAt(series, fromSeconds)
  for (let index = first + 1; index <= last; index++) {
    const gap = at(series.timesSeconds, index) - at(series.timesSeconds, index - 1)
    if (gap > longest) return unavailable(`no sample for ${gap.toFixed(1)} s`)
    const toSeconds = Math.min(Math.max(at(series.timesSeconds, index), fromSeconds), span.endSeconds)
    const toWatts = wattsAt(series, toSeconds)
    if (!Number.isFinite(toWatts)) return unavailable("the source gave a value that is no number")
    joules += ((fromWatts + toWatts) / 2) * (toSeconds - fromSeconds)
    // The power may have changed at any moment between two samples.
    squares += ((at(series.values, index) - at(series.values, index - 1)) * (toSeconds - fromSeconds)) ** 2 / 12
    fromSeconds = toSeconds
    fromWatts = toWatts
  }
  joules += fromWatts * (span.endSeconds - fromSeconds)
  if (joules === 0 && series.quality === "measured") return unavailable("the source showed no power")
  const quantised = (series.resolution * durationSeconds(span)) ** 2 / 12
  return {
    joules,
    uncertaintyJoules: Math.sqrt(squares + quantised + (series.relativeUncertainty * joules) ** 2),
    why: null,
  }
}

/**
 * Joules of one domain over a span, with linearly interpolated edges; power is integrated by the trapezoidal rule.
 *
 * The uncertainty (one sigma, in joules) combines in quadrature what the edges leave open (a rectangular distribution
 * over the energy between the two readings around each: width / sqrt 12, GUM 4.3.7), the source's resolution, and the
 * source's own relative uncertainty. The energy is unavailable, never 0, where samples do not cover the span, the
 * source was lost or its counter was reset inside it, or a measuring source did not move.
 */
export const energyOver = (series: DomainSeries, span: Span): SpanEnergy => {
  const times = series.timesSeconds
  const count = times.length
  const { startSeconds, endSeconds } = span
  if (series.quality === "unavailable") return unavailable(series.why ?? "the domain cannot be read")
  if (!(endSeconds > startSeconds)) return unavailable("the span is empty")
  const lostAt = series.lostAtSeconds
  if (lostAt !== null && lostAt <= endSeconds)
    return unavailable(
      lostAt > startSeconds
        ? `the source was lost ${(lostAt - startSeconds).toFixed(3)} s into the span`
        : "the source was lost before the span",
    )
  if (count < 2) return unavailable(count === 0 ? "there is no sample" : "there is only one sample")
  const period = (at(times, count - 1) - at(times, 0)) / (count - 1)
  const tolerance = Math.min(EDGE_PERIODS * period, EDGE_SECONDS)
  if (at(times, 0) - startSeconds > tolerance)
    return unavailable(`the first sample came ${(at(times, 0) - startSeconds).toFixed(3)} s after the span's start`)
  if (endSeconds - at(times, count - 1) > tolerance)
    return unavailable(`the last sample came ${(endSeconds - at(times, count - 1)).toFixed(3)} s before the span's end`)
  const first = enclosing(times, startSeconds)
  const reached = lastNotAfter(times, endSeconds)
  const last = Math.min(Math.max(at(times, reached) === endSeconds ? reached : reached + 1, first + 1), count - 1)
  return series.kind === "counter"
    ? energyOfCounter(series, span, first, last)
    : energyOfPower(series, span, period, first, last)
}
