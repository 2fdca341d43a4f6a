import type { SamplerCost } from "../domain/Energy.ts"

/** What a sampler says of itself. */
export interface SamplerFigures {
  /** When each round of reads began. */
  readonly roundsSeconds: Float64Array
  readonly dropped: number
  readonly cpuSeconds: number
  readonly priority: string
}

/** What sampling cost and how evenly it was done. A percentile is the smallest gap that so many of all do not exceed. */
export const samplingCost = (sampleHz: number, figures: SamplerFigures): SamplerCost => {
  const rounds = figures.roundsSeconds
  const gaps = new Float64Array(Math.max(rounds.length - 1, 0))
  for (let index = 0; index < gaps.length; index++) gaps[index] = (rounds[index + 1] ?? 0) - (rounds[index] ?? 0)
  gaps.sort()
  const percentile = (share: number) => gaps[Math.max(Math.ceil(share * gaps.length) - 1, 0)] ?? 0
  return {
    sampleHz,
    samples: rounds.length,
    cpuSeconds: figures.cpuSeconds,
    gapP50Seconds: percentile(0.5),
    gapP99Seconds: percentile(0.99),
    gapMaxSeconds: percentile(1),
    priority: figures.priority,
    droppedSamples: figures.dropped,
  }
}

/** The cost of no sampling at all. */
export const noSampling: SamplerCost = {
  sampleHz: 0,
  samples: 0,
  cpuSeconds: 0,
  gapP50Seconds: 0,
  gapP99Seconds: 0,
  gapMaxSeconds: 0,
  priority: "none",
  droppedSamples: 0,
}
