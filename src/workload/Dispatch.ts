import type { Schedule } from "./Schedule.ts"

/** Requests that are due, by their place in the workload, and when they were due. */
export interface Due {
  readonly from: number
  readonly to: number
}

const nothing: Due = { from: 0, to: 0 }

/**
 * A schedule as it unfolds: which requests are due at the start, when one has ended, and when time has passed.
 * Nothing here waits or looks at a clock.
 */
export class Dispatch {
  readonly #schedule: Schedule
  readonly #total: number
  #next = 0
  #inFlight = 0

  constructor(schedule: Schedule, total: number) {
    this.#schedule = schedule
    this.#total = schedule.kind === "open" ? Math.min(total, schedule.offsetsSeconds.length) : total
  }

  /** How many requests there are to send in all. */
  get total(): number {
    return this.#total
  }

  /** Connections that are needed at the start. */
  get width(): number {
    if (this.#schedule.kind === "open") return 0
    return Math.min(
      this.#total,
      this.#schedule.kind === "closed" ? this.#schedule.concurrency : this.#schedule.batchSize,
    )
  }

  /** Offset in seconds from the start at which the next request is due; null when time alone brings none. */
  get nextOffsetSeconds(): number | null {
    if (this.#schedule.kind !== "open" || this.#next >= this.#total) return null
    return this.#schedule.offsetsSeconds[this.#next] ?? null
  }

  /** The requests that are due at the very start. */
  start(): Due {
    return this.#take(this.width)
  }

  /** One request has ended. */
  ended(): Due {
    this.#inFlight -= 1
    switch (this.#schedule.kind) {
      case "batches":
        return this.#inFlight === 0 ? this.#take(this.#schedule.batchSize) : nothing
      case "closed":
        return this.#take(1)
      case "open":
        return nothing
    }
  }

  /** The next request of an open schedule has come due. */
  tick(): Due {
    return this.#take(1)
  }

  #take(count: number): Due {
    const from = this.#next
    this.#next = Math.min(this.#total, from + count)
    this.#inFlight += this.#next - from
    return { from, to: this.#next }
  }
}
