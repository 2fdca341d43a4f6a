import type { RequestRecord } from "../../../src/domain/Request.ts"

/** A successful streamed request: one token at each time, unless `tokens` says how many. */
export const streamed = (
  id: number,
  sentSeconds: number,
  chunkSeconds: ReadonlyArray<number>,
  more: Partial<RequestRecord> & { readonly tokens?: ReadonlyArray<number> } = {},
): RequestRecord => {
  const { tokens = chunkSeconds.map(() => 1), ...rest } = more
  const last = chunkSeconds[chunkSeconds.length - 1] ?? null
  return {
    id,
    scheduledSeconds: sentSeconds,
    sentSeconds,
    firstTokenSeconds: chunkSeconds[0] ?? null,
    lastTokenSeconds: last,
    endSeconds: last ?? sentSeconds,
    inputTokens: 10,
    outputTokens: tokens.reduce((sum, value) => sum + value, 0),
    finishReason: "length",
    error: null,
    text: `text ${id}`,
    tokenIds: null,
    chunkSeconds: Float64Array.from(chunkSeconds),
    chunkTokens: Int32Array.from(tokens),
    ...rest,
  }
}

/** A request that failed after it was sent. */
export const failed = (id: number, sentSeconds: number, endSeconds: number): RequestRecord =>
  streamed(id, sentSeconds, [], {
    endSeconds,
    inputTokens: null,
    outputTokens: null,
    finishReason: null,
    error: { kind: "reset", message: "gone" },
  })
