/**
 * The memory that the sampler's thread and the main thread share: one producer, one consumer, no locks.
 * A row is the time at which it began, then a time and a raw value for each source.
 */
export interface Ring {
  readonly buffer: SharedArrayBuffer
  readonly sources: number
  readonly capacityRows: number
  /** Words of `word`. */
  readonly words: Int32Array
  /** The pids to watch. */
  readonly pids: Int32Array
  /** errno of each source that was lost. */
  readonly errnos: Int32Array
  /** When each source was lost, in seconds; NaN while it is not. */
  readonly lost: Float64Array
  /** Figures of the thread: `figure`. */
  readonly figures: Float64Array
  readonly rows: Float64Array
}

export const word = { head: 0, tail: 1, stop: 2, state: 3, watchVersion: 4, watchCount: 5, dropped: 6 } as const
export const figure = { cpuSeconds: 0 } as const
export const state = { starting: 0, running: 1, stopped: 2 } as const

const MAX_PIDS = 256
const WORDS = 16
const FIGURES = 2

const layout = (sources: number, capacityRows: number) => {
  const words = 0
  const pids = words + WORDS * 4
  const errnos = pids + MAX_PIDS * 4
  const lost = Math.ceil((errnos + sources * 4) / 8) * 8
  const figures = lost + sources * 8
  const rows = figures + FIGURES * 8
  return { words, pids, errnos, lost, figures, rows, size: rows + capacityRows * (1 + 2 * sources) * 8 }
}

/** The ring over a buffer that `create` made, in either thread. */
export const over = (buffer: SharedArrayBuffer, sources: number, capacityRows: number): Ring => {
  const at = layout(sources, capacityRows)
  return {
    buffer,
    sources,
    capacityRows,
    words: new Int32Array(buffer, at.words, WORDS),
    pids: new Int32Array(buffer, at.pids, MAX_PIDS),
    errnos: new Int32Array(buffer, at.errnos, sources),
    lost: new Float64Array(buffer, at.lost, sources),
    figures: new Float64Array(buffer, at.figures, FIGURES),
    rows: new Float64Array(buffer, at.rows, capacityRows * (1 + 2 * sources)),
  }
}

/** A new ring that holds so many rows before the consumer must have taken some. */
export const create = (sources: number, capacityRows: number): Ring => {
  const ring = over(new SharedArrayBuffer(layout(sources, capacityRows).size), sources, capacityRows)
  ring.lost.fill(Number.NaN)
  return ring
}

/** Hands the pids to the sampler's thread; at most 256, the rest is left out. */
export const setWatched = (ring: Ring, pids: ReadonlyArray<number>): void => {
  const kept = pids.slice(0, MAX_PIDS)
  ring.pids.set(kept)
  Atomics.store(ring.words, word.watchCount, kept.length)
  Atomics.add(ring.words, word.watchVersion, 1)
}

/** The pids to watch now. */
export const watched = (ring: Ring): ReadonlyArray<number> => [
  ...ring.pids.subarray(0, Atomics.load(ring.words, word.watchCount)),
]

/** Takes every complete row; `take` sees an offset into `ring.rows`. Returns how many there were. */
export const drain = (ring: Ring, take: (offset: number) => void): number => {
  const head = Atomics.load(ring.words, word.head)
  let tail = Atomics.load(ring.words, word.tail)
  let count = 0
  for (; tail !== head; tail = (tail + 1) % ring.capacityRows) {
    take(tail * (1 + 2 * ring.sources))
    count++
  }
  Atomics.store(ring.words, word.tail, tail)
  return count
}
