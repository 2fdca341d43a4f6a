import type { RequestRecord } from "../domain/Request.ts"
import { CompletionReader, errorText } from "./CompletionReader.ts"
import { EventLines } from "./EventLines.ts"
import { HttpAnswer } from "./HttpAnswer.ts"
import { Recording } from "./Recording.ts"

type Failure = NonNullable<RequestRecord["error"]>

const utf8 = new TextDecoder()
const OPENING_BRACE = 123
const noTimes = new Float64Array(0)
const noTokens = new Int32Array(0)

/**
 * One request and its answer, apart from any socket. Bytes are framed as they are read, which is cheap and tells when
 * the answer is complete; what they say is parsed in small steps whenever there is time for it.
 */
export class Exchange {
  sentSeconds: number | null = null
  endSeconds: number | null = null
  /** When something last happened: what the silence limit is measured from. */
  activeSeconds: number
  readonly id: number
  readonly scheduledSeconds: number
  readonly #http = new HttpAnswer()
  readonly #lines = new EventLines()
  readonly #reader = new CompletionReader()
  #body: Recording | null
  #failure: Failure | null = null
  #stream: boolean | null = null
  #parsed = false
  #heard = false

  constructor(id: number, scheduledSeconds: number, body: Recording = new Recording()) {
    this.id = id
    this.scheduledSeconds = scheduledSeconds
    this.activeSeconds = scheduledSeconds
    this.#body = body
  }

  /** Whether nothing more is expected from the server. */
  get ended(): boolean {
    return this.endSeconds !== null
  }

  /** Whether any byte of the answer has been read. */
  get heard(): boolean {
    return this.#heard
  }

  /** Whether the connection may carry the next request. */
  get reusable(): boolean {
    return this.#failure === null && this.#http.done && this.#http.reusable
  }

  /** Whether all that was read has been parsed and the exchange has ended. */
  get parsed(): boolean {
    return this.#parsed
  }

  /** Output tokens so far, for the live view. */
  get tokens(): number {
    return this.#reader.outputTokens ?? this.#reader.chunks
  }

  /** The bytes are on their way. */
  sent(atSeconds: number): void {
    this.sentSeconds = atSeconds
    this.activeSeconds = atSeconds
  }

  /** One read of the socket. */
  feed(bytes: Uint8Array, atSeconds: number): void {
    if (this.ended || this.#body === null) return
    this.#heard = true
    this.activeSeconds = atSeconds
    const good = this.#http.feed(bytes, this.#body)
    this.#body.stamp(atSeconds)
    if (!good) this.fail("protocol", this.#http.problem ?? "The server's answer is broken", atSeconds)
    else if (this.#http.done) this.endSeconds = atSeconds
  }

  /** The connection is over: the system's error code, or null after an orderly end. */
  closed(code: string | null, atSeconds: number): void {
    if (this.ended) return
    if (code === null && this.#http.close()) this.endSeconds = atSeconds
    else {
      const when = this.#heard ? "before the answer was complete" : "before it answered"
      this.fail("reset", `The server closed the connection ${when}${code === null ? "" : ` (${code})`}`, atSeconds)
    }
  }

  /** Ends the exchange with a failure. */
  fail(kind: string, message: string, atSeconds: number): void {
    if (this.ended) return
    this.#failure = { kind, message }
    this.endSeconds = atSeconds
  }

  /** Parses at most `budget` messages of what has been read; gives how many it did. */
  step(budget: number): number {
    if (this.#parsed || this.#body === null) return 0
    let done = 0
    if (this.#isStream(this.#body) === true) {
      for (; done < budget; done += 1) {
        const event = this.#lines.next(this.#body)
        if (event === null) break
        this.#reader.event(event.data, event.atSeconds)
      }
      if (done === budget) return done
    }
    if (this.ended) this.#finish(this.#body)
    return done
  }

  /** Gives the recording back for another exchange, once everything is parsed. */
  release(): Recording | null {
    const body = this.#body
    this.#body = null
    body?.clear()
    return body
  }

  record(): RequestRecord {
    const reader = this.#reader
    const chunkSeconds = reader.chunks === 0 ? noTimes : reader.chunkSeconds
    return {
      id: this.id,
      scheduledSeconds: this.scheduledSeconds,
      sentSeconds: this.sentSeconds,
      firstTokenSeconds: reader.streamed ? (chunkSeconds[0] ?? null) : null,
      lastTokenSeconds: chunkSeconds[chunkSeconds.length - 1] ?? null,
      endSeconds: this.endSeconds,
      inputTokens: reader.inputTokens,
      outputTokens: reader.outputTokens,
      finishReason: reader.finishReason,
      error: this.#failure ?? reader.failure,
      text: reader.text,
      tokenIds: reader.tokenIds,
      chunkSeconds,
      chunkTokens: reader.chunks === 0 ? noTokens : reader.chunkTokens,
    }
  }

  /** A stream unless its type or first byte says otherwise; null while neither is known. */
  #isStream(body: Recording): boolean | null {
    if (this.#stream !== null || !this.#http.headed) return this.#stream
    const type = this.#http.contentType
    if (this.#http.status !== 200) this.#stream = false
    else if (type.includes("event-stream")) this.#stream = true
    else if (type.includes("json")) this.#stream = false
    else if (body.length > 0) this.#stream = body.bytes[0] !== OPENING_BRACE
    return this.#stream
  }

  #finish(body: Recording): void {
    this.#parsed = true
    if (this.#http.headed && this.#http.status !== 200) {
      const said = errorText(utf8.decode(body.bytes.subarray(0, body.length)))
      const message = `The server answered ${this.#http.status}${said === "" ? "" : `: ${said}`}`
      if (this.#failure === null) this.#failure = { kind: `http_${this.#http.status}`, message }
      return
    }
    if (this.#isStream(body) === true) {
      if (this.#failure !== null) return
      const last = this.#lines.last(body)
      if (last !== null) this.#reader.event(last.data, last.atSeconds)
    } else if (this.#failure === null) {
      this.#reader.whole(utf8.decode(body.bytes.subarray(0, body.length)), this.endSeconds ?? this.activeSeconds)
    }
    if (this.#failure === null) this.#reader.end()
  }
}
