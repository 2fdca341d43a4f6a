/** One prompt of a workload, before it is sent. */
export interface WorkloadRequest {
  readonly id: number
  /** Text, or exact token ids. */
  readonly prompt: string | ReadonlyArray<number>
  readonly maxOutputTokens: number
}

/**
 * What happened to one request. Times are seconds of the monotonic clock; null when the event never came.
 * Counts come from the server's own usage report, never from counting chunks.
 */
export interface RequestRecord {
  readonly id: number
  readonly scheduledSeconds: number
  readonly sentSeconds: number | null
  /** null also when the answer came in one piece: then there is no first token to be seen. */
  readonly firstTokenSeconds: number | null
  readonly lastTokenSeconds: number | null
  readonly endSeconds: number | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly finishReason: string | null
  /**
   * Error class and text when the request failed: `http_<status>`, `connect`, `reset`, `silence`, `protocol`,
   * `stream_error` (an error inside a stream), `incomplete` (a stream without its end), `usage` (no token counts).
   */
  readonly error: { readonly kind: string; readonly message: string } | null
  readonly text: string
  /** Token ids where the server reports them. */
  readonly tokenIds: ReadonlyArray<number> | null
  /**
   * Arrival time of each chunk that brought tokens, and how many. The tokens add up to `outputTokens`, or are all 0
   * where the server's counts do not tell how they spread over the chunks.
   */
  readonly chunkSeconds: Float64Array
  readonly chunkTokens: Int32Array
}
