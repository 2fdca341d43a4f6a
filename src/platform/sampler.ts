import { getSystemErrorName } from "node:util"
import { monotonicSeconds } from "./libc.ts"
import { compiled } from "./process.ts"
import type { SamplerJob } from "./samplerLoop.ts"
import * as Ring from "./samplerRing.ts"

/** The raw samples of one source since the start. */
export interface RawSeries {
  readonly timesSeconds: Float64Array
  readonly values: Float64Array
  readonly lost: { readonly atSeconds: number; readonly code: string } | null
}

export interface Snapshot {
  readonly sources: ReadonlyArray<RawSeries>
  /** When each round of reads began. */
  readonly roundsSeconds: Float64Array
  /** Rounds that were thrown away because the main thread took none for too long. */
  readonly dropped: number
  /** CPU seconds of the sampler's thread. */
  readonly cpuSeconds: number
  readonly priority: string
}

/** A sampler that runs in a thread of its own. */
export interface RunningSampler {
  readonly watch: (rootPids: ReadonlyArray<number>) => void
  /** Everything so far. */
  readonly snapshot: () => Snapshot
  /** The last samples of a source that span about `seconds`, newest last; null before there are two. */
  readonly recent: (source: number, seconds: number) => Recent | null
  /** Resolves when a whole round has begun after the given time, or when `timeoutSeconds` are over. */
  readonly sampledAfter: (seconds: number, timeoutSeconds: number) => Promise<boolean>
  /** Ends the thread; its files are closed. */
  readonly stop: () => Promise<void>
}

export interface Recent {
  readonly fromSeconds: number
  readonly fromValue: number
  readonly toSeconds: number
  readonly toValue: number
}

const CHUNK = 16_384

/** Numbers appended without ever moving those that are there. */
class Column {
  readonly #chunks: Array<Float64Array> = []
  #length = 0
  get length(): number {
    return this.#length
  }
  at(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK)]?.[index % CHUNK] ?? Number.NaN
  }
  push(value: number): void {
    const offset = this.#length % CHUNK
    if (offset === 0) this.#chunks.push(new Float64Array(CHUNK))
    const last = this.#chunks[this.#chunks.length - 1]
    if (last !== undefined) last[offset] = value
    this.#length++
  }
  toArray(): Float64Array {
    const all = new Float64Array(this.#length)
    this.#chunks.forEach((chunk, index) => {
      const start = index * CHUNK
      all.set(chunk.subarray(0, Math.min(CHUNK, this.#length - start)), start)
    })
    return all
  }
}

const delay = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

const READY_MILLISECONDS = 10_000
const STOP_MILLISECONDS = 2000
const DRAIN_MILLISECONDS = 500
const BUFFERED_SECONDS = 60

/**
 * Starts sampling of the sources, which the worker `src/sampler.ts` understands, and resolves after the first round.
 * The thread does not keep this process alive. Rejects when the thread does not start.
 */
export const startSampler = async <S>(request: {
  readonly sources: ReadonlyArray<S>
  readonly sampleHz: number
}): Promise<RunningSampler> => {
  const count = request.sources.length
  const capacityRows = Math.max(256, Math.ceil(request.sampleHz * BUFFERED_SECONDS))
  const ring = Ring.create(count, capacityRows)
  const rounds = new Column()
  const columns = request.sources.map(() => ({ times: new Column(), values: new Column() }))

  // Compiled, every chunk and both entry points lie in one folder.
  const worker = new Worker(new URL(compiled ? "./sampler.ts" : "../sampler.ts", import.meta.url).href)
  worker.unref()
  const priority = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the sampling thread did not start in time")), READY_MILLISECONDS)
    worker.addEventListener("message", (event) => {
      clearTimeout(timer)
      resolve(String(event.data))
    })
    worker.addEventListener("error", (event) => {
      clearTimeout(timer)
      reject(new Error(`the sampling thread failed: ${event.message}`))
    })
    const job: SamplerJob<S> = { buffer: ring.buffer, capacityRows, ...request }
    worker.postMessage(job)
  }).catch((cause) => {
    worker.terminate()
    throw cause
  })

  const take = () =>
    Ring.drain(ring, (offset) => {
      rounds.push(ring.rows[offset] ?? Number.NaN)
      columns.forEach((column, index) => {
        const value = ring.rows[offset + 2 + 2 * index] ?? Number.NaN
        if (Number.isNaN(value)) return
        column.times.push(ring.rows[offset + 1 + 2 * index] ?? Number.NaN)
        column.values.push(value)
      })
    })
  const drainer = setInterval(take, DRAIN_MILLISECONDS)
  drainer.unref()

  const sampledAfter = async (seconds: number, timeoutSeconds: number): Promise<boolean> => {
    const giveUp = monotonicSeconds() + timeoutSeconds
    for (;;) {
      take()
      // A round that began after `seconds` read every source after it.
      if (rounds.length > 0 && rounds.at(rounds.length - 1) >= seconds) return true
      if (monotonicSeconds() >= giveUp) return false
      await delay(Math.min(5, 500 / request.sampleHz))
    }
  }
  await sampledAfter(0, READY_MILLISECONDS / 1000)

  const lostOf = (index: number): RawSeries["lost"] => {
    const atSeconds = ring.lost[index] ?? Number.NaN
    return Number.isNaN(atSeconds) ? null : { atSeconds, code: getSystemErrorName(-(ring.errnos[index] || 5)) }
  }
  return {
    watch: (rootPids) => Ring.setWatched(ring, rootPids),
    snapshot: () => {
      take()
      return {
        sources: columns.map((column, index) => ({
          timesSeconds: column.times.toArray(),
          values: column.values.toArray(),
          lost: lostOf(index),
        })),
        roundsSeconds: rounds.toArray(),
        dropped: Atomics.load(ring.words, Ring.word.dropped),
        cpuSeconds: ring.figures[Ring.figure.cpuSeconds] ?? 0,
        priority,
      }
    },
    recent: (source, seconds) => {
      take()
      const column = columns[source]
      if (column === undefined || column.times.length < 2 || lostOf(source) !== null) return null
      const last = column.times.length - 1
      const toSeconds = column.times.at(last)
      let first = last - 1
      while (first > 0 && toSeconds - column.times.at(first) < seconds) first--
      return {
        fromSeconds: column.times.at(first),
        fromValue: column.values.at(first),
        toSeconds,
        toValue: column.values.at(last),
      }
    },
    sampledAfter,
    stop: async () => {
      clearInterval(drainer)
      Atomics.store(ring.words, Ring.word.stop, 1)
      const giveUp = monotonicSeconds() + STOP_MILLISECONDS / 1000
      while (Atomics.load(ring.words, Ring.word.state) !== Ring.state.stopped && monotonicSeconds() < giveUp)
        await delay(2)
      worker.terminate()
    },
  }
}
