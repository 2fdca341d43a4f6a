import { Result } from "effect"
import {
  type AddonContext,
  type AddonModel,
  type AddonSampler,
  type LlamaAddon,
  readLogits,
} from "../../platform/llamaAddon.ts"
import type { FinishReason } from "./Answer.ts"
import { echoed } from "./Echo.ts"
import type { Drawing, Observer } from "./Job.ts"
import { type Distribution, describe, fromLogits, type TokenLogprob, undescribed } from "./Logprobs.ts"
import { invalid, type Problem } from "./Problem.ts"
import type { GenerationRequest, Prompt } from "./Request.ts"
import { SamplerPool } from "./SamplerPool.ts"
import { toConfig } from "./SamplerSettings.ts"
import type { Scheduler } from "./Scheduler.ts"
import * as StopText from "./StopText.ts"
import { TextStream } from "./TextStream.ts"
import * as Tokenizer from "./Tokenizer.ts"

/** Gets each token with the text that it lets out, and its log probabilities where they are asked for. */
export type OnPiece = (text: string, token: number, logprobs: TokenLogprob | null) => void

/** Gets the prompt's text before any token, with its tokens' log probabilities where they are asked for. */
export type OnEcho = (text: string, logprobs: ReadonlyArray<TokenLogprob> | null) => void

/** How an answer ended, with the text that was still held back. */
export interface Ending {
  readonly reason: FinishReason
  readonly text: string
}

/** One prompt being completed. */
export interface Generator {
  /** 0 for a further answer to a prompt that was counted before. */
  readonly promptTokens: number
  /** Runs it to its end. */
  readonly run: (onPiece: OnPiece, onEcho: OnEcho) => Promise<Ending>
  readonly produced: () => number
  readonly cancel: () => void
}

/** Prepares the generators of a request, or says why it cannot be answered. */
export type Prepare = (request: GenerationRequest) => Result.Result<ReadonlyArray<Generator>, Problem>

export interface Limits {
  /** Token ids must be below it: asking the library about others aborts the process. */
  readonly vocabularySize: number
  /** UTF-16 units that no token's text is longer than. */
  readonly longestToken: number
  readonly contextPerSequence: number
}

const none = new Uint32Array(0)

const refusal = (tokens: Uint32Array, request: GenerationRequest, limits: Limits): Problem | null => {
  const { promptField } = request
  if (tokens.length === 0) return invalid("the prompt has no tokens", promptField, "invalid_prompt")
  const outside = tokens.find((token) => token >= limits.vocabularySize)
  if (outside !== undefined) return Tokenizer.unknownToken(outside, limits.vocabularySize, promptField)
  const wanted = request.maxTokens ?? Math.max(1, request.minTokens)
  if (tokens.length + wanted > limits.contextPerSequence)
    return invalid(
      `${tokens.length} prompt tokens and ${wanted} new ones do not fit into the context of ${limits.contextPerSequence}`,
      promptField,
      "context_length_exceeded",
    )
  return null
}

/** A text that cannot fit: telling so without its tokens, which take long to make of megabytes. */
const tooLong = ({ prompts, promptField }: GenerationRequest, limits: Limits): Problem | null => {
  const most = limits.contextPerSequence * limits.longestToken
  const text = prompts.find((prompt) => typeof prompt === "string" && prompt.length > most)
  return text === undefined
    ? null
    : invalid(
        `a text of ${text.length} characters does not fit into the context of ${limits.contextPerSequence} tokens`,
        promptField,
        "context_length_exceeded",
      )
}

/** End-of-generation tokens of the model, which `ignore_eos` makes impossible. */
const endTokens = (model: AddonModel, vocabularySize: number): Uint32Array => {
  const found: Array<number> = []
  for (let token = 0; token < vocabularySize; token++) if (model.isEogToken(token)) found.push(token)
  return Uint32Array.from(found)
}

/** Prepares the completions of requests over a scheduler. */
export const preparer = (
  addon: Pick<LlamaAddon, "AddonSampler">,
  model: AddonModel,
  context: AddonContext,
  scheduler: Scheduler,
  limits: Limits,
): Prepare => {
  const ends = endTokens(model, limits.vocabularySize)
  const detokenize = (tokens: ReadonlyArray<number>) => model.detokenize(Uint32Array.from(tokens), false)
  const spell = (token: number) => model.detokenize(Uint32Array.of(token), true)

  const pool = new SamplerPool(addon, model)

  const observing = (neutral: AddonSampler, top: number): Observer => ({
    read: async (batchIndex, token) => {
      const { pairs, weight } = await readLogits(context, batchIndex, neutral, token, top)
      return fromLogits(pairs, weight, token, top)
    },
  })

  const drawing = (sampler: AddonSampler, logprobs: number | null): Drawing => {
    // Greedy, with nothing before it in its chain: the logits that it reads are the model's own.
    const neutral = logprobs === null ? null : pool.take({ temperature: 0 })
    return {
      sampler,
      observer: neutral === null || logprobs === null ? null : observing(neutral, logprobs),
      release: (idle) => {
        if (!idle) return
        pool.give(sampler)
        if (neutral !== null) pool.give(neutral)
      },
    }
  }

  const generator = (
    request: GenerationRequest,
    source: Prompt,
    prompt: Uint32Array,
    seed: number,
    first: boolean,
  ): Generator => {
    const { sampling, stop, minTokens } = request
    const maxTokens = request.maxTokens ?? limits.contextPerSequence - prompt.length
    const text = new TextStream(detokenize)
    const echo = request.echo
      ? echoed(source, prompt, (tokens) => model.detokenize(Uint32Array.from(tokens), true))
      : null
    const generated: Array<number> = []
    let produced = 0
    let written = echo?.text.length ?? 0
    let held = ""
    let cancelled = false
    let sampler: AddonSampler | null = null
    let withdraw: (() => void) | null = null
    let reject: ((cause: unknown) => void) | null = null

    const config = () =>
      toConfig(sampling, {
        prompt,
        generated,
        maxTokens,
        seed,
        forbidden: request.ignoreEos || produced < minTokens ? ends : none,
      })

    const checked = (piece: string): StopText.Step => {
      if (stop.length === 0 || produced < minTokens) return { text: piece, held: "", stopped: false }
      const step = StopText.feed(stop, held, piece)
      held = step.held
      return step
    }
    const ending = (reason: FinishReason): Ending => {
      const step = checked(text.end())
      return step.stopped ? { reason: "stop", text: step.text } : { reason, text: step.text + step.held }
    }

    const logprobsOf = (distributions: ReadonlyArray<Distribution>, offsets: ReadonlyArray<number>) =>
      Array.from(prompt, (token, index) => {
        const distribution = distributions[index - 1]
        return distribution === undefined
          ? undescribed(token, spell)
          : describe(distribution, token, offsets[index] ?? 0, spell)
      })

    return {
      promptTokens: first ? prompt.length : 0,
      produced: () => produced,
      run: (onPiece, onEcho) =>
        new Promise((resolve, fail) => {
          reject = fail
          if (cancelled) return fail(new Error("cancelled"))
          if (echo !== null && request.logprobs === null) {
            onEcho(echo.text, null)
            if (maxTokens === 0) return resolve({ reason: "length", text: "" })
          }
          withdraw = scheduler.submit({
            prompt,
            maxTokens,
            ignoreEos: request.ignoreEos,
            draw: () => {
              sampler = pool.take(config())
              return drawing(sampler, request.logprobs)
            },
            ...(echo === null || request.logprobs === null
              ? {}
              : { onPrompt: (read) => onEcho(echo.text, logprobsOf(read, echo.offsets)) }),
            onToken: (token, count, distribution) => {
              produced = count
              if (minTokens > 0) {
                generated.push(token)
                // End tokens become possible; the draws and what penalties have counted go on from where they are.
                if (count === minTokens) sampler?.applyConfig(config())
              }
              const logprobs = distribution === null ? null : describe(distribution, token, written, spell)
              const piece = text.push(token)
              written += piece.length
              const step = checked(piece)
              onPiece(step.text, token, logprobs)
              if (!step.stopped) return
              withdraw?.()
              resolve({ reason: "stop", text: "" })
            },
            onEnd: (reason) => resolve(ending(reason)),
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

  return (request) => {
    const long = tooLong(request, limits)
    if (long !== null) return Result.fail(long)
    const prompts = request.prompts.map((prompt) => Tokenizer.promptTokens(model, prompt))
    for (const tokens of prompts) {
      const refused = refusal(tokens, request, limits)
      if (refused !== null) return Result.fail(refused)
    }
    const strange = [...request.sampling.bias.keys()].find((token) => token >= limits.vocabularySize)
    if (strange !== undefined) return Result.fail(Tokenizer.unknownToken(strange, limits.vocabularySize, "logit_bias"))
    const seed = request.seed ?? Math.floor(Math.random() * 2 ** 31)
    return Result.succeed(
      prompts.flatMap((tokens, index) =>
        Array.from({ length: request.copies }, (_, copy) =>
          generator(request, request.prompts[index] ?? "", tokens, seed + index * request.copies + copy, copy === 0),
        ),
      ),
    )
  }
}
