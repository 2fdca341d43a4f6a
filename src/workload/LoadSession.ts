import { LocalError } from "../domain/Failure.ts"
import type { RequestRecord } from "../domain/Request.ts"
import { monotonicSeconds, threadCpuSeconds } from "../platform/libc.ts"
import { type ConnectFailure, type Connection, connect } from "../platform/sockets.ts"
import { after, every } from "../platform/socketsTurns.ts"
import { Dispatch, type Due } from "./Dispatch.ts"
import { Exchange } from "./Exchange.ts"
import type { LoadRecord, LoadRun } from "./LoadClient.ts"
import { ParseQueue } from "./ParseQueue.ts"
import { toBytes } from "./Requests.ts"

/** One connection, and the exchange that it carries now. */
interface Lane {
  connection: Connection | null
  exchange: Exchange | null
  /** Answers that it has carried to their end. */
  carried: number
}

/** Connections that are opened at the same time before the start, so that no server's backlog overflows. */
const openingAtOnce = 64
const sweepSeconds = 0.1

const isConnection = (made: Connection | ConnectFailure): made is Connection => "write" in made

/** The value below which 99 % lie, linear between closest ranks; 0 of nothing. */
const p99 = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = 0.99 * (sorted.length - 1)
  const low = sorted[Math.floor(rank)] ?? 0
  return low + ((sorted[Math.ceil(rank)] ?? low) - low) * (rank - Math.floor(rank))
}

/** One load run while it lasts: sockets, exchanges and the schedule between them. */
export class LoadSession {
  readonly #load: LoadRun
  readonly #dispatch: Dispatch
  readonly #bodies: Array<Uint8Array | null>
  readonly #records: Array<RequestRecord | null>
  readonly #places = new Map<Exchange, number>()
  readonly #again = new Set<Exchange>()
  readonly #lanes = new Set<Lane>()
  readonly #idle: Array<Lane> = []
  readonly #parser = new ParseQueue((exchange) => this.#parsed(exchange))
  readonly #onDone: (record: LoadRecord) => void
  readonly #onFailure: (error: LocalError) => void
  readonly #cancels: Array<() => void> = []
  #cancelTick: () => void = () => {}
  #startSeconds = 0
  #cpuSeconds = 0
  #opened = 0
  #done = 0
  #tokens = 0
  #stopped = false

  constructor(load: LoadRun, onDone: (record: LoadRecord) => void, onFailure: (error: LocalError) => void) {
    this.#load = load
    this.#dispatch = new Dispatch(load.schedule, load.requests.length)
    this.#onDone = onDone
    this.#onFailure = onFailure
    this.#records = load.requests.map(() => null)
    this.#bodies = load.requests.map((request) => toBytes(load.endpoint, load.encode(request)))
  }

  async start(): Promise<void> {
    await this.#openAhead()
    if (this.#stopped) return
    this.#cancels.push(every(sweepSeconds, () => this.#sweep()))
    this.#cpuSeconds = threadCpuSeconds()
    this.#startSeconds = monotonicSeconds()
    this.#begin(this.#dispatch.start(), this.#startSeconds)
    this.#awaitNext()
    if (this.#dispatch.total === 0) this.#finish()
  }

  /** Ends everything at once: no socket and no timer is left. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#cancels) cancel()
    this.#cancelTick()
    this.#parser.stop()
    for (const lane of this.#lanes) lane.connection?.close()
    this.#lanes.clear()
  }

  async #openAhead(): Promise<void> {
    const width = this.#dispatch.width
    while (this.#lanes.size < width && !this.#stopped) {
      const count = Math.min(openingAtOnce, width - this.#lanes.size)
      const made = await Promise.all(Array.from({ length: count }, () => this.#open()))
      for (const lane of made) if (lane.connection !== null) this.#idle.push(lane)
      if (made.some((lane) => lane.connection === null)) return
    }
  }

  /** A new lane; its connection is null, and `problem` tells why, when there is none to be had. */
  async #open(): Promise<Lane & { problem: string }> {
    const lane: Lane & { problem: string } = { connection: null, exchange: null, carried: 0, problem: "" }
    const made = await connect(this.#load.endpoint, {
      onData: (bytes, atSeconds) => this.#onData(lane, bytes, atSeconds),
      onClose: (code, atSeconds) => this.#onClose(lane, code, atSeconds),
    })
    if (!isConnection(made)) {
      lane.problem = made.message
      if (made.code === "EMFILE" || made.code === "ENFILE") this.#outOfFiles(made.code)
      return lane
    }
    this.#opened += 1
    if (this.#stopped) made.close()
    else {
      lane.connection = made
      this.#lanes.add(lane)
    }
    return lane
  }

  #outOfFiles(code: string): void {
    if (this.#stopped) return
    this.stop()
    this.#onFailure(
      new LocalError({
        reason: "port",
        message: `No more than ${this.#opened} connections could be opened: the limit of open files is reached (${code})`,
        fix: "Raise the limit (ulimit -n) or lower the load's concurrency.",
        details: { code, connections_opened: this.#opened },
      }),
    )
  }

  #begin(due: Due, scheduledSeconds: number): void {
    for (let place = due.from; place < due.to; place += 1) {
      const request = this.#load.requests[place]
      if (request === undefined) return
      const exchange = new Exchange(request.id, scheduledSeconds, this.#parser.recording())
      this.#places.set(exchange, place)
      const lane = this.#idleLane()
      if (lane === null) void this.#sendOnNew(exchange)
      else this.#send(lane, exchange)
    }
  }

  #idleLane(): Lane | null {
    for (let lane = this.#idle.pop(); lane !== undefined; lane = this.#idle.pop())
      if (lane.connection?.open() === true) return lane
    return null
  }

  async #sendOnNew(exchange: Exchange): Promise<void> {
    const lane = await this.#open()
    if (this.#stopped) return
    if (exchange.ended) this.#drop(lane)
    else if (lane.connection === null) {
      exchange.fail("connect", lane.problem, monotonicSeconds())
      this.#settle(null, exchange)
    } else this.#send(lane, exchange)
  }

  #send(lane: Lane, exchange: Exchange): void {
    const place = this.#places.get(exchange)
    const bytes = place === undefined ? null : this.#bodies[place]
    if (bytes === null || bytes === undefined || lane.connection === null) return
    lane.exchange = exchange
    exchange.sent(monotonicSeconds())
    lane.connection.write(bytes)
  }

  #onData(lane: Lane, bytes: Uint8Array, atSeconds: number): void {
    const exchange = lane.exchange
    if (exchange === null) {
      this.#drop(lane)
      return
    }
    exchange.feed(bytes, atSeconds)
    if (exchange.ended) this.#settle(lane, exchange)
    else this.#parser.add(exchange)
  }

  #onClose(lane: Lane, code: string | null, atSeconds: number): void {
    const exchange = lane.exchange
    lane.exchange = null
    this.#drop(lane)
    if (exchange === null) return
    // A server may close a kept connection just as the next request is sent: that request was not refused.
    if (lane.carried > 0 && !exchange.heard && !this.#again.has(exchange)) {
      this.#again.add(exchange)
      void this.#sendOnNew(exchange)
      return
    }
    exchange.closed(code, atSeconds)
    this.#settle(null, exchange)
  }

  #drop(lane: Lane): void {
    lane.connection?.close()
    this.#lanes.delete(lane)
  }

  /** The exchange has ended: its lane is free or gone, and the schedule goes on. */
  #settle(lane: Lane | null, exchange: Exchange): void {
    if (lane !== null) {
      lane.exchange = null
      lane.carried += 1
      if (exchange.reusable && lane.connection?.open() === true) this.#idle.push(lane)
      else this.#drop(lane)
    }
    this.#begin(this.#dispatch.ended(), exchange.endSeconds ?? monotonicSeconds())
    this.#parser.add(exchange)
  }

  #parsed(exchange: Exchange): void {
    const place = this.#places.get(exchange)
    if (place === undefined) return
    const record = exchange.record()
    this.#records[place] = record
    this.#bodies[place] = null
    this.#places.delete(exchange)
    this.#again.delete(exchange)
    this.#done += 1
    this.#tokens += exchange.tokens
    if (this.#done === this.#dispatch.total) this.#finish()
  }

  #awaitNext(): void {
    const offset = this.#dispatch.nextOffsetSeconds
    if (offset === null || this.#stopped) return
    const due = this.#startSeconds + offset
    const left = due - monotonicSeconds()
    if (left > 0) {
      this.#cancelTick = after(Math.ceil(left * 1000) / 1000, () => this.#awaitNext())
      return
    }
    this.#begin(this.#dispatch.tick(), due)
    this.#awaitNext()
  }

  /** Ends what has been silent for too long, and tells how far the run is. */
  #sweep(): void {
    const now = monotonicSeconds()
    const limit = this.#load.silenceSeconds
    let tokens = this.#tokens
    const silent = new Set<Exchange>()
    for (const exchange of this.#places.keys()) {
      tokens += exchange.tokens
      if (!exchange.ended && now - exchange.activeSeconds > limit) silent.add(exchange)
    }
    for (const lane of [...this.#lanes]) {
      if (lane.exchange === null || !silent.has(lane.exchange)) continue
      const what = lane.exchange.heard ? "sent nothing more" : "sent nothing"
      lane.exchange.fail("silence", `The server ${what} for ${limit} s`, now)
      silent.delete(lane.exchange)
      this.#settle(lane, lane.exchange)
    }
    for (const exchange of silent) {
      exchange.fail("connect", `No connection within ${limit} s`, now)
      this.#settle(null, exchange)
    }
    this.#load.onProgress?.(this.#done, tokens)
  }

  #finish(): void {
    const cpuSeconds = threadCpuSeconds() - this.#cpuSeconds
    const requests = this.#records.filter((record) => record !== null)
    const lateness = requests.flatMap((record) =>
      record.sentSeconds === null ? [] : [record.sentSeconds - record.scheduledSeconds],
    )
    const health = { cpuSeconds, sendLatenessP99Seconds: p99(lateness), connectionsOpened: this.#opened }
    this.stop()
    this.#onDone({ requests, health })
  }
}
