import { after, later } from "../platform/socketsTurns.ts"
import type { Exchange } from "./Exchange.ts"
import { Recording } from "./Recording.ts"

/** Messages parsed in one turn of the event loop: some 0.1 ms, by which the stamp of a read can be late. */
const messagesPerTurn = 24

/** What has been read waits so long for the first turn: turns for single messages would cost more than parsing them. */
const restSeconds = 0.05

/** Parses answers between reads, a few messages at a time, and hands their recordings round. */
export class ParseQueue {
  readonly #waiting = new Set<Exchange>()
  readonly #spare: Array<Recording> = []
  readonly #onParsed: (exchange: Exchange) => void
  #planned = false
  #resting = false
  #wake: () => void = () => {}
  #stopped = false

  constructor(onParsed: (exchange: Exchange) => void) {
    this.#onParsed = onParsed
  }

  recording(): Recording {
    return this.#spare.pop() ?? new Recording()
  }

  /** This exchange has something new to parse. */
  add(exchange: Exchange): void {
    this.#waiting.add(exchange)
    if (exchange.ended) this.#plan()
    else this.#rest()
  }

  stop(): void {
    this.#stopped = true
    this.#wake()
    this.#waiting.clear()
  }

  #rest(): void {
    if (this.#resting || this.#planned || this.#stopped) return
    this.#resting = true
    this.#wake = after(restSeconds, () => {
      this.#resting = false
      this.#plan()
    })
  }

  #plan(): void {
    if (this.#planned || this.#stopped) return
    this.#planned = true
    later(() => {
      this.#planned = false
      this.#turn()
    })
  }

  #turn(): void {
    let budget = messagesPerTurn
    for (const exchange of this.#waiting) {
      const done = exchange.step(budget)
      const drained = done < budget
      budget -= Math.max(1, done)
      if (drained) {
        this.#waiting.delete(exchange)
        if (exchange.parsed) this.#retire(exchange)
      }
      if (budget <= 0) break
    }
    if (this.#waiting.size > 0) this.#plan()
  }

  #retire(exchange: Exchange): void {
    const recording = exchange.release()
    if (recording !== null) this.#spare.push(recording)
    this.#onParsed(exchange)
  }
}
