import type { DomainSeries } from "../../src/domain/Energy.ts"

/** A readable domain with samples; what a test does not name does not matter to it. */
export const seriesOf = (
  samples: ReadonlyArray<readonly [seconds: number, value: number]>,
  over: Partial<DomainSeries> = {},
): DomainSeries => ({
  domain: "cpu:package-0",
  meter: "test",
  quality: "measured",
  nestedIn: null,
  inTotal: true,
  why: null,
  relativeUncertainty: 0,
  kind: "counter",
  resolution: 0,
  timesSeconds: Float64Array.from(samples, ([seconds]) => seconds),
  values: Float64Array.from(samples, ([, value]) => value),
  lostAtSeconds: null,
  ...over,
})

/** Piecewise constant power from time 0 on; the last piece goes on for ever. */
export interface Waveform {
  readonly pieces: ReadonlyArray<{ readonly watts: number; readonly milliseconds: number }>
}

/** Exact joules of a waveform from 0 to a time. */
export const exactJoules = ({ pieces }: Waveform, seconds: number): number => {
  let joules = 0
  let from = 0
  for (const [index, piece] of pieces.entries()) {
    const to = index === pieces.length - 1 ? Number.POSITIVE_INFINITY : from + piece.milliseconds / 1000
    if (seconds <= from) break
    joules += piece.watts * (Math.min(seconds, to) - from)
    from = to
  }
  return joules
}
