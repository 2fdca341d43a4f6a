import { Result } from "effect"
import type { AddonModel, LlamaAddon } from "../../platform/llamaAddon.ts"
import type { CompletionRequest, FinishReason, Prompt } from "./Completion.ts"
import type { Scheduler, SchedulerCounts } from "./Scheduler.ts"
import { TextStream } from "./TextStream.ts"

/** One prompt being completed. */
export interface Generator {
  readonly promptTokens: number
  /** Runs it to its end; `onPiece` gets each token with the text that it completes. */
  readonly run: (onPiece: (text: string, token: number) => void) => Promise<FinishReason>
  readonly produced: () => number
  /** Text of an incomplete last character. */
  readonly rest: () => string
  readonly cancel: () => void
}

export interface Refusal {
  readonly message: string
  readonly code: string
}

/** A loaded model, ready to complete prompts. */
export interface Loaded {
  readonly info: Readonly<Record<string, unknown>>
  readonly counts: () => SchedulerCounts
  readonly prepare: (request: CompletionRequest) => Result.Result<ReadonlyArray<Generator>, Refusal>
}

export interface Limits {
  /** Token ids must be below it: asking the library about others aborts the process. */
  readonly vocabularySize: number
  readonly contextPerSequence: number
}

const tokensOf = (model: AddonModel, prompt: Prompt): Uint32Array => {
  if (typeof prompt !== "string") return Uint32Array.from(prompt)
  const tokens = model.tokenize(prompt, true)
  return model.shouldPrependBosToken() ? Uint32Array.from([model.tokenBos(), ...tokens]) : tokens
}

const refusal = (tokens: Uint32Array, maxTokens: number, limits: Limits): Refusal | null => {
  if (tokens.length === 0) return { message: "the prompt has no tokens", code: "invalid_prompt" }
  const outside = tokens.find((token) => token >= limits.vocabularySize)
  if (outside !== undefined)
    return {
      message: `token id ${outside} is not in the vocabulary of ${limits.vocabularySize} tokens`,
      code: "invalid_token",
    }
  if (tokens.length + maxTokens > limits.contextPerSequence)
    return {
      message: `${tokens.length} prompt tokens and ${maxTokens} new ones do not fit into the context of ${limits.contextPerSequence}`,
      code: "context_length_exceeded",
    }
  return null
}

/** End-of-generation tokens of the model, which `ignore_eos` makes impossible. */
const endTokens = (model: AddonModel, vocabularySize: number): Uint32Array => {
  const found: Array<number> = []
  for (let token = 0; token < vocabularySize; token++) if (model.isEogToken(token)) found.push(token)
  return Uint32Array.from(found)
}

/** Prepares the completions of requests over a scheduler. */
export const preparer = (addon: LlamaAddon, model: AddonModel, scheduler: Scheduler, limits: Limits) => {
  const ends = endTokens(model, limits.vocabularySize)
  const never = new Float32Array(ends.length).fill(Number.NEGATIVE_INFINITY)
  const detokenize = (tokens: ReadonlyArray<number>) => model.detokenize(Uint32Array.from(tokens), false)

  const generator = (request: CompletionRequest, tokens: Uint32Array, index: number): Generator => {
    const text = new TextStream(detokenize)
    let produced = 0
    let cancelled = false
    let withdraw: (() => void) | null = null
    let reject: ((cause: unknown) => void) | null = null
    const sampler = () => {
      const made = new addon.AddonSampler(model)
      made.applyConfig({
        temperature: request.temperature,
        topK: request.topK,
        topP: request.topP,
        seed: (request.seed ?? Math.floor(Math.random() * 2 ** 31)) + index,
        ...(request.ignoreEos && ends.length > 0 ? { tokenBiasKeys: ends, tokenBiasValues: never } : {}),
      })
      return made
    }
    return {
      promptTokens: tokens.length,
      produced: () => produced,
      rest: () => text.end(),
      run: (onPiece) =>
        new Promise((resolve, fail) => {
          reject = fail
          if (cancelled) return fail(new Error("cancelled"))
          withdraw = scheduler.submit({
            prompt: tokens,
            maxTokens: request.maxTokens,
            ignoreEos: request.ignoreEos,
            sampler: sampler(),
            onToken: (token, count) => {
              produced = count
              onPiece(text.push(token), token)
            },
            onEnd: resolve,
            onFailure: fail,
          })
        }),
      cancel: () => {
        cancelled = true
        withdraw?.()
        reject?.(new Error("cancelled"))
      },
    }
  }

  return (request: CompletionRequest): Result.Result<ReadonlyArray<Generator>, Refusal> => {
    const prompts = request.prompts.map((prompt) => tokensOf(model, prompt))
    for (const tokens of prompts) {
      const refused = refusal(tokens, request.maxTokens, limits)
      if (refused !== null) return Result.fail(refused)
    }
    return Result.succeed(prompts.map((tokens, index) => generator(request, tokens, index)))
  }
}
