import type { RequestRecord } from "../domain/Request.ts"
import { fieldOf } from "../domain/Unknown.ts"

type Failure = NonNullable<RequestRecord["error"]>

const count = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null

const isNumbers = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((item) => Number.isInteger(item))

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const short = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}...` : text)

/** The sentence of an error body: OpenAI's, FastAPI's and plain ones. */
export const errorText = (body: string): string => {
  const json = parse(body)
  const error = fieldOf(json, "error")
  for (const candidate of [fieldOf(error, "message"), error, fieldOf(json, "message"), fieldOf(json, "detail")])
    if (typeof candidate === "string" && candidate !== "") return short(candidate)
  return short(body.trim())
}

/**
 * What an OpenAI-style completion or chat answer said: text, token ids, counts and the times of its tokens. Counts
 * are the server's; a chunk is never taken for a token.
 */
export class CompletionReader {
  failure: Failure | null = null
  finishReason: string | null = null
  inputTokens: number | null = null
  /** Cumulative, as the server last reported it. */
  outputTokens: number | null = null
  chunks = 0
  streamed = true
  #parts: Array<string> = []
  #tokenIds: Array<number> | null = null
  #seconds = new Float64Array(64)
  #tokens = new Int32Array(64)
  #finished = false

  /** One event of a stream. */
  event(data: string, atSeconds: number): void {
    if (this.failure !== null || this.#finished) return
    if (data.trim() === "[DONE]") {
      this.#finished = true
      return
    }
    this.#message(data, atSeconds)
  }

  /** The whole body of an answer that is not a stream. */
  whole(body: string, atSeconds: number): void {
    this.streamed = false
    this.#message(body, atSeconds)
    this.#finished = true
  }

  /** The body is at its end; sets `failure` when it did not say all that an answer must. */
  end(): void {
    if (this.failure !== null) return
    if (!this.#finished && this.finishReason === null)
      this.#fail("incomplete", "The stream ended without a finish reason and without [DONE]")
    else if (this.outputTokens === null || this.inputTokens === null)
      this.#fail("usage", "The server reported no token counts (usage), and chunks are not tokens")
  }

  get text(): string {
    return this.#parts.join("").toWellFormed()
  }

  get tokenIds(): ReadonlyArray<number> | null {
    return this.#tokenIds !== null && this.#tokenIds.length === this.outputTokens ? this.#tokenIds : null
  }

  get chunkSeconds(): Float64Array {
    return this.#seconds.slice(0, this.chunks)
  }

  /** Tokens of each chunk; all 0 where the server's counts do not tell how they spread over the chunks. */
  get chunkTokens(): Int32Array {
    const tokens = this.#tokens.slice(0, this.chunks)
    let sum = 0
    for (const value of tokens) sum += value
    return sum === this.outputTokens ? tokens : tokens.fill(0)
  }

  #fail(kind: string, message: string): void {
    this.failure = { kind, message }
  }

  #message(text: string, atSeconds: number): void {
    const json = parse(text)
    if (typeof json !== "object" || json === null) {
      this.#fail("protocol", `The server sent something that is not JSON: ${short(text.trim())}`)
      return
    }
    if ((fieldOf(json, "error") ?? null) !== null) {
      this.#fail("stream_error", errorText(text))
      return
    }
    const choices = fieldOf(json, "choices")
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
    const delta = fieldOf(choice, "delta") ?? fieldOf(choice, "message")
    const piece = fieldOf(choice, "text") ?? fieldOf(delta, "content")
    const ids = fieldOf(choice, "token_ids")
    const finish = fieldOf(choice, "finish_reason")
    const brought = isNumbers(ids) ? ids : null
    if (typeof piece === "string" && piece !== "") this.#parts.push(piece)
    if (brought !== null) {
      this.#tokenIds ??= []
      for (const id of brought) this.#tokenIds.push(id)
    }
    if (typeof finish === "string") this.finishReason = finish
    const before = this.outputTokens ?? 0
    const reported = this.#usage(fieldOf(json, "usage"), fieldOf(json, "timings"))
    if (choice === undefined) return
    const tokens = this.#tokensOf(before, reported, brought, piece, finish, delta)
    if (tokens > 0) this.#chunk(atSeconds, tokens)
  }

  /** Whether this message carried a count of output tokens: in its usage, or in llama-server's timings so far. */
  #usage(usage: unknown, timings: unknown): boolean {
    this.inputTokens = count(fieldOf(usage, "prompt_tokens")) ?? this.inputTokens
    const output = count(fieldOf(usage, "completion_tokens")) ?? count(fieldOf(timings, "predicted_n"))
    if (output !== null) this.outputTokens = output
    return output !== null
  }

  #tokensOf(
    before: number,
    reported: boolean,
    ids: ReadonlyArray<number> | null,
    piece: unknown,
    finish: unknown,
    delta: unknown,
  ): number {
    if (ids !== null) return ids.length
    const perChunk = reported && (this.chunks === 0 || before > 0)
    if (perChunk) return Math.max(0, (this.outputTokens ?? 0) - before)
    const hasText = typeof piece === "string" && piece !== ""
    const isRole = fieldOf(delta, "role") !== undefined && !hasText
    if (!hasText && (typeof finish === "string" || isRole || typeof piece !== "string")) return 0
    return 1
  }

  #chunk(atSeconds: number, tokens: number): void {
    if (this.chunks === this.#seconds.length) {
      const seconds = new Float64Array(this.chunks * 2)
      seconds.set(this.#seconds)
      this.#seconds = seconds
      const counts = new Int32Array(this.chunks * 2)
      counts.set(this.#tokens)
      this.#tokens = counts
    }
    this.#seconds[this.chunks] = atSeconds
    this.#tokens[this.chunks] = tokens
    this.chunks += 1
  }
}
