import type { Experiment } from "../../domain/Experiment.ts"
import type { RequestRecord } from "../../domain/Request.ts"
import type { ThroughputFigures } from "../../domain/ResultDocument.ts"
import { durationSeconds, type Span } from "../../domain/Window.ts"
import * as Completed from "./Completed.ts"
import { type Figures, reasons } from "./Figures.ts"

type Slo = NonNullable<Experiment["load"]["slo"]>

const within = (value: number | null, limit: number | undefined): boolean =>
  limit === undefined || (value !== null && value <= limit)

/** Whether a request meets every limit that is set. One token alone has no TPOT and meets any. */
export const meets = (one: Completed.Completed, slo: Slo): boolean =>
  within(one.ttftSeconds, slo.ttft_seconds) &&
  within(one.e2eSeconds, slo.e2e_seconds) &&
  (one.outputTokens < 2 || within(one.tpotSeconds, slo.tpot_seconds))

const hasLimit = (slo: Slo | undefined): slo is Slo =>
  slo !== undefined &&
  (slo.ttft_seconds !== undefined || slo.tpot_seconds !== undefined || slo.e2e_seconds !== undefined)

/** Tokens and requests over the window, of the requests that succeeded; those that failed are counted apart. */
export const of = (
  records: ReadonlyArray<RequestRecord>,
  window: Span | null,
  slo: Slo | undefined,
): Figures<ThroughputFigures> => {
  const completed = Completed.of(records)
  const seconds = window === null ? 0 : durationSeconds(window)
  const inputTokens = completed.reduce((sum, one) => sum + one.inputTokens, 0)
  const outputTokens = completed.reduce((sum, one) => sum + one.outputTokens, 0)
  const rate = (count: number): number | null => (seconds > 0 && completed.length > 0 ? count / seconds : null)
  const why =
    completed.length === 0 ? "no request succeeded" : seconds > 0 ? null : "there is no window: no token was received"
  return {
    figures: {
      requests: completed.length,
      failed_requests: records.length - completed.length,
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      output_tokens_per_second: rate(outputTokens),
      requests_per_second: rate(completed.length),
      goodput_requests_per_second: hasLimit(slo) ? rate(completed.filter((one) => meets(one, slo)).length) : null,
    },
    unavailable: reasons({
      "throughput.output_tokens_per_second": why,
      "throughput.requests_per_second": why,
      "throughput.goodput_requests_per_second": hasLimit(slo) ? why : "no SLO in the study",
    }),
  }
}
