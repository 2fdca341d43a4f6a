import type { SamplerConfig } from "../../platform/llamaAddon.ts"

/** How the next token is chosen; the neutral values leave the model's distribution as it is. */
export interface Sampling {
  /** 0: always the likeliest token. */
  readonly temperature: number
  /** 0 or less: every token. */
  readonly topK: number
  readonly topP: number
  readonly minP: number
  /** 1: none. Over prompt and generated text. */
  readonly repetitionPenalty: number
  /** Over generated text. */
  readonly presencePenalty: number
  /** Over generated text. */
  readonly frequencyPenalty: number
  readonly bias: ReadonlyMap<number, number>
}

/** A sequence as its sampler must know it. */
export interface SampledSequence {
  readonly prompt: Uint32Array
  readonly generated: ReadonlyArray<number>
  readonly maxTokens: number
  readonly seed: number
  /** Tokens that must not come. */
  readonly forbidden: Uint32Array
}

/** Whether a sampler has to know the tokens that came before. */
export const hasPenalties = (sampling: Sampling): boolean =>
  sampling.repetitionPenalty !== 1 || sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0

/**
 * Whether two kinds of penalties are asked for at once. The library counts the tokens for all of them together, but
 * one kind is over prompt and generated text, and the other over generated text alone.
 */
export const mixesPenalties = (sampling: Sampling): boolean =>
  sampling.repetitionPenalty !== 1 && (sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0)

const penalties = (sampling: Sampling, sequence: SampledSequence): Partial<SamplerConfig> => {
  if (!hasPenalties(sampling)) return {}
  const before = sampling.repetitionPenalty === 1 ? [] : sequence.prompt
  return {
    repeatPenalty: sampling.repetitionPenalty,
    repeatPenaltyPresencePenalty: sampling.presencePenalty,
    repeatPenaltyFrequencyPenalty: sampling.frequencyPenalty,
    repeatPenaltyMaxTokens: before.length + sequence.maxTokens,
    repeatPenaltyTokens: Uint32Array.from([...before, ...sequence.generated]),
  }
}

const biases = (sampling: Sampling, forbidden: Uint32Array): Partial<SamplerConfig> => {
  if (sampling.bias.size === 0 && forbidden.length === 0) return {}
  const merged = new Map(sampling.bias)
  for (const token of forbidden) merged.set(token, Number.NEGATIVE_INFINITY)
  return { tokenBiasKeys: Uint32Array.from(merged.keys()), tokenBiasValues: Float32Array.from(merged.values()) }
}

const seeds = 2 ** 31

/** A seed as the library takes one: of the 32 bits that it has, all set would mean a seed at random. */
const librarySeed = (seed: number): number => ((seed % seeds) + seeds) % seeds

/**
 * The library's settings for a sequence. Those with neutral values are left out: the library sorts the whole
 * vocabulary even for a top_k that keeps all of it, which takes ten times as long as the draw itself.
 */
export const toConfig = (sampling: Sampling, sequence: SampledSequence): SamplerConfig => ({
  temperature: sampling.temperature,
  seed: librarySeed(sequence.seed),
  ...(sampling.topK > 0 ? { topK: sampling.topK } : {}),
  ...(sampling.topP < 1 ? { topP: sampling.topP } : {}),
  ...(sampling.minP > 0 ? { minP: sampling.minP } : {}),
  ...penalties(sampling, sequence),
  ...biases(sampling, sequence.forbidden),
})
