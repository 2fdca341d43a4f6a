import type { Recording } from "./Recording.ts"

/** One server-sent event: its data, and when the last byte of it was read. */
export interface ServerEvent {
  readonly data: string
  readonly atSeconds: number
}

const LF = 10
const CR = 13
const DATA = [100, 97, 116, 97, 58]
const SPACE = 32
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * Server-sent events out of a recording that is still growing. Lines end in LF or CRLF; comments and fields other
 * than `data` are left out, the data lines of one event are joined with a newline.
 */
export class EventLines {
  #at = 0
  #data: string | null = null
  #dataSeconds = 0

  /** The next whole event, or null when the recording holds no more of them yet. */
  next(body: Recording): ServerEvent | null {
    while (true) {
      const end = body.bytes.subarray(0, body.length).indexOf(LF, this.#at)
      if (end < 0) {
        if (this.#at === body.length) {
          body.clear()
          this.#at = 0
        }
        return null
      }
      const from = this.#at
      const to = end > from && body.bytes[end - 1] === CR ? end - 1 : end
      this.#at = end + 1
      if (to === from) {
        const data = this.#take()
        if (data !== null) return data
      } else this.#field(body, from, to, end)
    }
  }

  /** The event that the end of the body leaves without its empty line, if there is one. */
  last(body: Recording): ServerEvent | null {
    if (this.#at < body.length) {
      this.#field(body, this.#at, body.length, body.length - 1)
      this.#at = body.length
    }
    return this.#take()
  }

  #take(): ServerEvent | null {
    if (this.#data === null) return null
    const event = { data: this.#data, atSeconds: this.#dataSeconds }
    this.#data = null
    return event
  }

  #field(body: Recording, from: number, to: number, end: number): void {
    for (let index = 0; index < DATA.length; index += 1) if (body.bytes[from + index] !== DATA[index]) return
    if (to - from < DATA.length) return
    const start = from + DATA.length + (body.bytes[from + DATA.length] === SPACE ? 1 : 0)
    const text = utf8.decode(body.bytes.subarray(Math.min(start, to), to))
    this.#data = this.#data === null ? text : `${this.#data}\n${text}`
    this.#dataSeconds = body.secondsAt(end)
  }
}
