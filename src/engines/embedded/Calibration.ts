import { milliseconds } from "../../platform/childLife.ts"
import type { AddonContext } from "../../platform/llamaAddon.ts"

/** Time of a decoding step with one number of threads. */
export interface CalibrationPoint {
  readonly threads: number
  readonly decode_milliseconds: number
}

export interface Calibration {
  readonly threads: number
  readonly points: ReadonlyArray<CalibrationPoint>
}

const steps = 8

const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

const measure = async (context: AddonContext, threads: number, sequences: number): Promise<CalibrationPoint> => {
  context.setThreads(threads)
  const times: Array<number> = []
  for (let step = 0; step < steps; step++) {
    context.initBatch(sequences)
    for (let sequence = 0; sequence < sequences; sequence++)
      context.addToBatch(sequence, step, Uint32Array.of(1), Uint32Array.of(0))
    const start = milliseconds()
    await context.decodeBatch()
    times.push(milliseconds() - start)
  }
  for (let sequence = 0; sequence < sequences; sequence++) context.disposeSequence(sequence)
  return { threads, decode_milliseconds: Number(median(times).toFixed(3)) }
}

/** Numbers of threads that are tried: up to one less than the cores, where there are several. */
export const candidates = (cores: number): ReadonlyArray<number> =>
  [...new Set([1, cores >> 1, cores - 1])].filter((threads) => threads >= 1).sort((left, right) => left - right)

/** More threads than fewer only where they make a step this much shorter: a noisy moment must not choose. */
const worthwhile = 0.95

/** The point to use: the fewest threads that no greater number beats clearly. */
export const best = (points: ReadonlyArray<CalibrationPoint>): CalibrationPoint | null =>
  points.reduce<CalibrationPoint | null>(
    (chosen, point) =>
      chosen === null || point.decode_milliseconds < chosen.decode_milliseconds * worthwhile ? point : chosen,
    null,
  )

/**
 * Picks the number of threads by the time of a decoding step at the batch size that will be used. The library's
 * threads wait for each other by spinning, so that one that has to share its core with the load generator or the
 * sampler stalls all of them: one core is left to those.
 */
export const calibrate = async (context: AddonContext, cores: number, sequences: number): Promise<Calibration> => {
  const points: Array<CalibrationPoint> = []
  for (const threads of candidates(cores)) points.push(await measure(context, threads, sequences))
  const threads = best(points)?.threads ?? 1
  context.setThreads(threads)
  return { threads, points }
}
