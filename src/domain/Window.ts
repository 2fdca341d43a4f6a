/** A span of the monotonic clock, in seconds (see Timeline): what a phase, a window or a sample refers to. */
export interface Span {
  readonly startSeconds: number
  readonly endSeconds: number
}

/** The length of a span in seconds. */
export const durationSeconds = (span: Span): number => span.endSeconds - span.startSeconds

/** The one pairing of the monotonic clock with real time from which every wall-clock time of a result is derived. */
export interface ClockAnchor {
  readonly monotonicSeconds: number
  /** Microseconds since the Unix epoch at `monotonicSeconds`. */
  readonly unixMicros: number
}

/** RFC 3339 in UTC with microseconds of a monotonic time. */
export const toRfc3339 = (anchor: ClockAnchor, monotonicSeconds: number): string => {
  const micros = anchor.unixMicros + Math.round((monotonicSeconds - anchor.monotonicSeconds) * 1e6)
  const millis = Math.floor(micros / 1000)
  const rest = String(micros - millis * 1000).padStart(3, "0")
  return new Date(millis).toISOString().replace("Z", `${rest}Z`)
}
