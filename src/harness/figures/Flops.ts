import type { FlopsFigures } from "../../domain/ResultDocument.ts"
import { type Figures, reasons } from "./Figures.ts"

export interface FlopsInput {
  /** Weights that multiply each token: all but the embedding table; null when the model's file does not tell. */
  readonly nonEmbeddingParameters: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  readonly durationSeconds: number | null
}

/** 2 x N_non_embedding x (input + output tokens), as Kaplan et al. 2020 count a forward pass without attention. */
export const of = (input: FlopsInput): Figures<FlopsFigures> => {
  const { nonEmbeddingParameters: parameters, inputTokens, outputTokens, durationSeconds } = input
  const why =
    parameters === null
      ? "the model's file does not tell its number of non-embedding parameters"
      : inputTokens + outputTokens === 0
        ? "no token was processed"
        : null
  if (parameters === null || why !== null)
    return {
      figures: { total: null, per_output_token: null, flops_per_second: null, why },
      unavailable: reasons({ "flops.total": why, "flops.per_output_token": why, "flops.flops_per_second": why }),
    }
  const total = 2 * parameters * (inputTokens + outputTokens)
  const perOutput = outputTokens === 0 ? null : total / outputTokens
  const perSecond = durationSeconds === null || durationSeconds <= 0 ? null : total / durationSeconds
  return {
    figures: { total, per_output_token: perOutput, flops_per_second: perSecond, why: null },
    unavailable: reasons({
      "flops.per_output_token": perOutput === null ? "no output token was received" : null,
      "flops.flops_per_second": perSecond === null ? "there is no window" : null,
    }),
  }
}
