import type { RequestRecord } from "../../domain/Request.ts"

/** A request that succeeded, with everything that figures need of it. */
export interface Completed {
  readonly record: RequestRecord
  readonly sentSeconds: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly ttftSeconds: number | null
  /** Sent to the last token; null when no token came. */
  readonly e2eSeconds: number | null
  /** null below two tokens, and where the answer came in one piece. */
  readonly tpotSeconds: number | null
}

const completed = (record: RequestRecord): Completed | null => {
  const { error, sentSeconds, inputTokens, outputTokens, firstTokenSeconds: first, lastTokenSeconds: last } = record
  if (error !== null || sentSeconds === null || inputTokens === null || outputTokens === null) return null
  return {
    record,
    sentSeconds,
    inputTokens,
    outputTokens,
    ttftSeconds: first === null ? null : first - sentSeconds,
    e2eSeconds: last === null ? null : last - sentSeconds,
    tpotSeconds: first === null || last === null || outputTokens < 2 ? null : (last - first) / (outputTokens - 1),
  }
}

/** The requests that succeeded, in the order of the records. */
export const of = (records: ReadonlyArray<RequestRecord>): ReadonlyArray<Completed> =>
  records.flatMap((record) => completed(record) ?? [])
