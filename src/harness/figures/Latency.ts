import type { RequestRecord } from "../../domain/Request.ts"
import type { LatencyFigures } from "../../domain/ResultDocument.ts"
import * as Completed from "./Completed.ts"
import { type Figures, reasons } from "./Figures.ts"
import { distribution } from "./Statistics.ts"

/** Whether the server's counts tell how the tokens of this answer spread over its chunks. */
export const tokensPlaced = (record: RequestRecord): boolean =>
  record.chunkTokens.reduce((sum, tokens) => sum + tokens, 0) === record.outputTokens

/**
 * The gap before each token after the first chunk: chunks that came with one read are one, and the gap before a chunk
 * of k tokens counts as k gaps of a k-th.
 */
export const gapsOf = (record: RequestRecord): ReadonlyArray<number> => {
  const gaps: Array<number> = []
  let from = record.chunkSeconds[0] ?? 0
  let index = 0
  while (index < record.chunkSeconds.length) {
    const at = record.chunkSeconds[index] ?? 0
    let tokens = 0
    for (; index < record.chunkSeconds.length && record.chunkSeconds[index] === at; index += 1)
      tokens += record.chunkTokens[index] ?? 0
    if (at > from) for (let token = 0; token < tokens; token += 1) gaps.push((at - from) / tokens)
    from = at
  }
  return gaps
}

const present = (values: ReadonlyArray<number | null>): ReadonlyArray<number> =>
  values.filter((value) => value !== null)

const why = (completed: ReadonlyArray<Completed.Completed>, otherwise: string): string => {
  if (completed.length === 0) return "no request succeeded"
  if (completed.every((one) => one.outputTokens === 0)) return "no request brought a token"
  if (completed.every((one) => one.ttftSeconds === null)) return "the answers came in one piece, not as a stream"
  return otherwise
}

/** Latencies of the requests that succeeded (see Definitions). */
export const of = (records: ReadonlyArray<RequestRecord>): Figures<LatencyFigures> => {
  const completed = Completed.of(records)
  const streamed = completed.filter((one) => one.ttftSeconds !== null)
  const placed = streamed.filter((one) => tokensPlaced(one.record))
  const figures: LatencyFigures = {
    ttft_seconds: distribution(present(completed.map((one) => one.ttftSeconds))),
    tpot_seconds: distribution(present(completed.map((one) => one.tpotSeconds))),
    itl_seconds: distribution(placed.flatMap((one) => gapsOf(one.record))),
    e2e_seconds: distribution(present(completed.map((one) => one.e2eSeconds))),
  }
  const reason = (figure: unknown, otherwise: string) => (figure === null ? why(completed, otherwise) : null)
  const unplaced = "the server's counts do not tell how the tokens spread over the chunks"
  const single = "no request brought two or more tokens"
  const oneRead = "no request brought tokens in two or more reads"
  return {
    figures,
    unavailable: reasons({
      "latency.ttft_seconds": reason(figures.ttft_seconds, "no first token was seen"),
      "latency.tpot_seconds": reason(figures.tpot_seconds, single),
      "latency.itl_seconds": reason(
        figures.itl_seconds,
        placed.length < streamed.length && placed.length === 0
          ? unplaced
          : placed.every((one) => one.outputTokens < 2)
            ? single
            : oneRead,
      ),
      "latency.e2e_seconds": reason(figures.e2e_seconds, "no request brought a token"),
    }),
  }
}
