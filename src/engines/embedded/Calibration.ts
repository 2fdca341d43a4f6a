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

/**
 * Picks the number of threads with the shortest decoding step at the batch size that will be used. The library's
 * threads wait by spinning, so that one per core is slow on a machine whose cores are shared.
 */
export const calibrate = async (context: AddonContext, cores: number, sequences: number): Promise<Calibration> => {
  const candidates = [...new Set([1, cores >> 1, cores - 1, cores])].filter((threads) => threads >= 1)
  const points: Array<CalibrationPoint> = []
  for (const threads of candidates) points.push(await measure(context, threads, sequences))
  const best = points.reduce((left, right) => (right.decode_milliseconds < left.decode_milliseconds ? right : left))
  context.setThreads(best.threads)
  return { threads: best.threads, points }
}
