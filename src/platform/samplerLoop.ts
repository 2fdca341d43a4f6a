import { monotonicSeconds, sleepUntil, threadCpuSeconds } from "./libc.ts"
import { figure, over, type Ring, state, watched, word } from "./samplerRing.ts"
import { FAILED, type Reader } from "./sysfs.ts"

/** What the main thread sends to the sampler's thread. */
export interface SamplerJob<S> {
  readonly buffer: SharedArrayBuffer
  readonly capacityRows: number
  readonly sampleHz: number
  readonly sources: ReadonlyArray<S>
}

/** A reader, and what to tell it when other processes are to be watched. */
export interface OpenSource {
  readonly reader: Reader
  readonly watch: (rootPids: ReadonlyArray<number>) => void
}

/** A source counts as lost when so many reads in a row failed. */
const LOST_AFTER = 3
/** The longest sleep in one go, so that a slow sampler still stops soon. */
const SLICE_SECONDS = 0.1

const waitUntil = (ring: Ring, deadline: number): boolean => {
  for (;;) {
    if (Atomics.load(ring.words, word.stop) !== 0) return false
    const now = monotonicSeconds()
    if (now >= deadline) return true
    sleepUntil(Math.min(deadline, now + SLICE_SECONDS))
  }
}

/**
 * Reads every source at absolute deadlines until it is told to stop; blocks the thread it is called in. Each value is
 * stamped with CLOCK_MONOTONIC at its read. `started` is called once everything is open, before the first row.
 */
export const runSampler = <S>(job: SamplerJob<S>, open: (source: S) => OpenSource, started: () => void): void => {
  const ring = over(job.buffer, job.sources.length, job.capacityRows)
  const opened = job.sources.map((source, index): OpenSource | null => {
    try {
      return open(source)
    } catch (cause) {
      ring.lost[index] = monotonicSeconds()
      ring.errnos[index] =
        cause instanceof Error && "errno" in cause && typeof cause.errno === "number" ? Math.abs(cause.errno) : 5
      return null
    }
  })
  const failures = new Int32Array(opened.length)
  const failedAt = new Float64Array(opened.length)
  started()
  const period = 1 / job.sampleHz
  const width = 1 + 2 * opened.length
  let watchVersion = 0
  let maintainAt = 0
  let round = 0
  const start = monotonicSeconds()
  while (waitUntil(ring, start + round * period)) {
    const now = monotonicSeconds()
    const version = Atomics.load(ring.words, word.watchVersion)
    if (version !== watchVersion) {
      watchVersion = version
      for (const source of opened) source?.watch(watched(ring))
    }
    if (now >= maintainAt) {
      maintainAt = now + 1
      for (const source of opened) source?.reader.maintain(now)
    }
    const head = Atomics.load(ring.words, word.head)
    const next = (head + 1) % ring.capacityRows
    const full = next === Atomics.load(ring.words, word.tail)
    const offset = head * width
    if (!full) ring.rows[offset] = now
    for (let index = 0; index < opened.length; index++) {
      const reader = opened[index]?.reader
      let value = Number.NaN
      const time = monotonicSeconds()
      if (reader !== undefined && Number.isNaN(ring.lost[index])) {
        value = reader.read()
        if (value === FAILED) {
          value = Number.NaN
          if (failures[index] === 0) failedAt[index] = time
          failures[index] = (failures[index] ?? 0) + 1
          if ((failures[index] ?? 0) >= LOST_AFTER) {
            ring.errnos[index] = reader.errno()
            ring.lost[index] = failedAt[index] ?? time
          }
        } else failures[index] = 0
      }
      if (full) continue
      ring.rows[offset + 1 + 2 * index] = time
      ring.rows[offset + 2 + 2 * index] = value
    }
    ring.figures[figure.cpuSeconds] = threadCpuSeconds()
    if (full) Atomics.add(ring.words, word.dropped, 1)
    else Atomics.store(ring.words, word.head, next)
    if (round === 0) Atomics.store(ring.words, word.state, state.running)
    round = Math.max(round + 1, Math.ceil((monotonicSeconds() - start) / period))
  }
  for (const source of opened) source?.reader.close()
  Atomics.store(ring.words, word.state, state.stopped)
}
