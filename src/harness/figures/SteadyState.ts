import type { RequestRecord } from "../../domain/Request.ts"
import type { Span } from "../../domain/Window.ts"
import * as Completed from "./Completed.ts"
import { tokensPlaced } from "./Latency.ts"

/** The steady part of a window and the work done in it; `span` is null exactly when `why` is not. */
export type SteadyState =
  | { readonly span: null; readonly why: string }
  | {
      readonly span: Span
      readonly why: null
      /** Requests whose last token came inside. */
      readonly requests: number
      /** Prompt tokens of the requests whose first token came inside. */
      readonly inputTokens: number
      /** Tokens that came inside, by the times of their chunks; null with the reason in `tokensWhy`. */
      readonly outputTokens: number | null
      readonly tokensWhy: string | null
    }

interface Edge {
  readonly atSeconds: number
  readonly change: 1 | -1
}

const edges = (records: ReadonlyArray<RequestRecord>): ReadonlyArray<Edge> =>
  records
    .flatMap((record): ReadonlyArray<Edge> => {
      const end = record.error === null ? (record.lastTokenSeconds ?? record.endSeconds) : record.endSeconds
      if (record.sentSeconds === null || end === null) return []
      return [
        { atSeconds: record.sentSeconds, change: 1 },
        { atSeconds: end, change: -1 },
      ]
    })
    .toSorted((a, b) => a.atSeconds - b.atSeconds || a.change - b.change)

/** From the first moment at which `capacity` requests are in flight to the last moment at which they are. */
const fullSpan = (records: ReadonlyArray<RequestRecord>, capacity: number): Span | null => {
  let inFlight = 0
  let start: number | null = null
  let end: number | null = null
  for (const edge of edges(records)) {
    if (edge.change === -1 && inFlight === capacity) end = edge.atSeconds
    inFlight += edge.change
    if (edge.change === 1 && inFlight === capacity) start ??= edge.atSeconds
  }
  return start === null || end === null || end <= start ? null : { startSeconds: start, endSeconds: end }
}

const inside = (span: Span, atSeconds: number | null): boolean =>
  atSeconds !== null && atSeconds > span.startSeconds && atSeconds <= span.endSeconds

const tokensInside = (record: RequestRecord, span: Span): number => {
  let tokens = 0
  for (let index = 0; index < record.chunkSeconds.length; index += 1)
    if (inside(span, record.chunkSeconds[index] ?? null)) tokens += record.chunkTokens[index] ?? 0
  return tokens
}

/**
 * The steady state in ML.ENERGY's sense: from the moment the batch is full to the moment it begins to drain for good,
 * as the client sees it. `capacity` is the batch size or the concurrency; null for a load that has none.
 */
export const of = (records: ReadonlyArray<RequestRecord>, capacity: number | null): SteadyState => {
  if (capacity === null) return { span: null, why: "requests arrive by themselves: there is no batch to fill" }
  if (records.length === 0) return { span: null, why: "there were no requests" }
  const full = Math.min(capacity, records.length)
  const span = fullSpan(records, full)
  if (span === null) return { span: null, why: `there were never ${full} requests in flight for any time` }
  const completed = Completed.of(records)
  const placed = completed.every((one) => tokensPlaced(one.record))
  return {
    span,
    why: null,
    requests: completed.filter((one) => inside(span, one.record.lastTokenSeconds)).length,
    inputTokens: completed
      .filter((one) => inside(span, one.record.chunkSeconds[0] ?? null))
      .reduce((sum, one) => sum + one.inputTokens, 0),
    outputTokens: placed ? completed.reduce((sum, one) => sum + tokensInside(one.record, span), 0) : null,
    tokensWhy: placed ? null : "the server's counts do not tell how the tokens spread over the chunks",
  }
}
