import type { Recording } from "./Recording.ts"

/** Where an HTTP/1.1 answer stands. */
type State = "head" | "length" | "chunk-size" | "chunk-data" | "chunk-end" | "trailer" | "until-close" | "done" | "bad"

const CR = 13
const LF = 10
const headLimitBytes = 64 * 1024
const lineLimitBytes = 4096
const latin1 = new TextDecoder("latin1")

/**
 * The framing of one HTTP/1.1 answer, read from any number of pieces: status, headers, and the body's bytes without
 * chunk sizes. Only what frames a message is looked at; the body is for others to read.
 */
export class HttpAnswer {
  status = 0
  contentType = ""
  /** Whether the connection may carry another request once this answer is done. */
  reusable = true
  /** What is wrong with the answer, when it is not HTTP. */
  problem: string | null = null
  #state: State = "head"
  #left = 0
  #line = new Uint8Array(256)
  #lineLength = 0
  #headBytes = 0
  #first = true
  #chunked = false
  #contentLength: number | null = null

  get done(): boolean {
    return this.#state === "done"
  }

  /** Whether the head has been read, so that status and content type are known. */
  get headed(): boolean {
    return !this.#first && this.#state !== "head"
  }

  /** Takes the bytes of one read; body bytes go to the recording. False when the answer is broken. */
  feed(data: Uint8Array, body: Recording): boolean {
    let at = 0
    while (at < data.length) {
      switch (this.#state) {
        case "head":
        case "chunk-size":
        case "chunk-end":
        case "trailer": {
          const end = data.indexOf(LF, at)
          const stop = end < 0 ? data.length : end
          if (!this.#keepLine(data, at, stop)) return false
          if (end < 0) return true
          at = end + 1
          const line = this.#takeLine()
          if (!this.#onLine(line)) return false
          break
        }
        case "length":
        case "chunk-data": {
          const take = Math.min(this.#left, data.length - at)
          body.append(data, at, at + take)
          at += take
          this.#left -= take
          if (this.#left === 0) this.#state = this.#state === "length" ? "done" : "chunk-end"
          break
        }
        case "until-close":
          body.append(data, at, data.length)
          return true
        case "done":
          this.reusable = false
          return true
        case "bad":
          return false
      }
    }
    return true
  }

  /** The peer ended the connection: whether the answer is complete with that. */
  close(): boolean {
    if (this.#state === "until-close") this.#state = "done"
    return this.#state === "done"
  }

  #keepLine(data: Uint8Array, from: number, to: number): boolean {
    const size = to - from
    this.#headBytes += size
    if (this.#state === "head" && this.#headBytes > headLimitBytes) return this.#bad("its header is over 64 KiB")
    if (this.#state !== "head" && this.#lineLength + size > lineLimitBytes)
      return this.#bad("a chunk size is missing from its body")
    if (this.#lineLength + size > this.#line.length) {
      const grown = new Uint8Array(Math.max(this.#lineLength + size, this.#line.length * 2))
      grown.set(this.#line.subarray(0, this.#lineLength))
      this.#line = grown
    }
    this.#line.set(data.subarray(from, to), this.#lineLength)
    this.#lineLength += size
    if (this.#state === "head" && this.#first && !this.#startsLikeHttp()) return this.#bad("it is not HTTP")
    return true
  }

  #startsLikeHttp(): boolean {
    const expected = "HTTP/1."
    for (let index = 0; index < Math.min(this.#lineLength, expected.length); index += 1)
      if (this.#line[index] !== expected.charCodeAt(index)) return false
    return true
  }

  #takeLine(): string {
    const length =
      this.#lineLength > 0 && this.#line[this.#lineLength - 1] === CR ? this.#lineLength - 1 : this.#lineLength
    this.#lineLength = 0
    return latin1.decode(this.#line.subarray(0, length))
  }

  #bad(why: string): false {
    this.#state = "bad"
    this.problem = `The server's answer is broken: ${why}`
    return false
  }

  #onLine(line: string): boolean {
    switch (this.#state) {
      case "head":
        if (this.#first) return this.#statusLine(line)
        return line === "" ? this.#endOfHead() : this.#header(line)
      case "chunk-size": {
        const size = /^\s*([0-9a-fA-F]{1,8})\s*(?:;.*)?$/.exec(line)?.[1]
        if (size === undefined) return this.#bad(`${JSON.stringify(line.slice(0, 40))} is not a chunk size`)
        this.#left = Number.parseInt(size, 16)
        this.#state = this.#left === 0 ? "trailer" : "chunk-data"
        return true
      }
      case "chunk-end":
        if (line !== "") return this.#bad("a chunk is longer than its size says")
        this.#state = "chunk-size"
        return true
      default:
        if (line === "") this.#state = "done"
        return true
    }
  }

  #statusLine(line: string): boolean {
    const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(line)
    if (match === null) return this.#bad(`${JSON.stringify(line.slice(0, 40))} is not an HTTP status line`)
    this.#first = false
    this.reusable = match[1] === "1"
    this.status = Number(match[2])
    return true
  }

  #header(line: string): boolean {
    const colon = line.indexOf(":")
    if (colon <= 0) return this.#bad(`${JSON.stringify(line.slice(0, 40))} is not a header`)
    const value = line.slice(colon + 1).trim()
    switch (line.slice(0, colon).toLowerCase()) {
      case "content-length":
        if (!/^\d{1,15}$/.test(value)) return this.#bad(`content-length is ${JSON.stringify(value.slice(0, 40))}`)
        this.#contentLength = Number(value)
        return true
      case "transfer-encoding":
        if (value.toLowerCase() !== "chunked") return this.#bad(`transfer-encoding ${value} is not supported`)
        this.#chunked = true
        return true
      case "content-encoding":
        return value.toLowerCase() === "identity" || this.#bad(`content-encoding ${value} was not asked for`)
      case "content-type":
        this.contentType = value.toLowerCase()
        return true
      case "connection":
        if (value.toLowerCase() === "close") this.reusable = false
        if (value.toLowerCase() === "keep-alive") this.reusable = true
        return true
      default:
        return true
    }
  }

  #endOfHead(): boolean {
    if (this.status >= 100 && this.status < 200) {
      this.#first = true
      this.#contentLength = null
      this.#chunked = false
      return this.status === 101 ? this.#bad("it switches protocols") : true
    }
    if (this.#chunked) this.#state = "chunk-size"
    else if (this.status === 204 || this.status === 304) this.#state = "done"
    else if (this.#contentLength !== null) {
      this.#left = this.#contentLength
      this.#state = this.#left === 0 ? "done" : "length"
    } else {
      this.reusable = false
      this.#state = "until-close"
    }
    return true
  }
}
