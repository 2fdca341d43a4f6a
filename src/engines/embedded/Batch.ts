import type { AddonContext } from "../../platform/llamaAddon.ts"
import type { Slot } from "./Job.ts"

/** What batches are made of. */
export interface BatchLimits {
  /** Tokens that one batch has room for. */
  readonly batchTokens: number
  /** Prompt tokens in one step at most. */
  readonly prefillTokens: number
}

/** A place of a batch where something is to be had of a sequence. */
export interface Wanted {
  readonly slot: Slot
  readonly logit: number
}

/** What a step brings. */
export interface Batch {
  /** Where tokens are to be drawn. */
  readonly wanted: ReadonlyArray<Wanted>
  /** Where prompts' own tokens are to be looked at. */
  readonly looks: ReadonlyArray<Wanted & { readonly token: number }>
  /** Sequences whose prompts are in after it. */
  readonly ready: ReadonlyArray<Slot>
  /** Tokens of prompts that it carries, and of sequences that are being generated. */
  readonly prefillTokens: number
  readonly decodedTokens: number
}

/**
 * Tokens of one prompt in a step where all of them are looked at. The logits of each are as long as the vocabulary;
 * and from 64 tokens on llama.cpp computes attention another way, with other roundings than where a token is generated.
 */
const mostLooks = 32

const none = new Uint32Array(0)

const add = (context: AddonContext, slot: Slot, tokens: Uint32Array, logits: Uint32Array): ReadonlyArray<number> => {
  const indexes = context.addToBatch(slot.sequence, slot.position, tokens, logits)
  slot.position += tokens.length
  if (slot.keep) slot.fed.push(...tokens)
  return Array.from(indexes)
}

/**
 * Fills the library's next batch: one token of every sequence that is being generated, then chunks of prompts in the
 * order in which they came. The sequences' positions move on with it.
 */
export const fill = (context: AddonContext, slots: ReadonlyArray<Slot>, limits: BatchLimits): Batch => {
  context.initBatch(limits.batchTokens)
  let room = limits.batchTokens
  let prefillTokens = 0
  const wanted: Array<Wanted> = []
  const looks: Array<Wanted & { readonly token: number }> = []
  const ready: Array<Slot> = []
  const decoding = slots.filter((slot) => slot.position >= slot.job.prompt.length)
  const prefilling = slots.filter((slot) => slot.position < slot.job.prompt.length)
  for (const slot of decoding) {
    const [logit = 0] = add(context, slot, Uint32Array.of(slot.next), Uint32Array.of(0))
    wanted.push({ slot, logit })
    room--
  }
  // Whoever is being generated waits for the whole step: half a chunk is a compromise with those whose prompts wait.
  const chunkTokens = decoding.length === 0 ? limits.prefillTokens : Math.ceil(limits.prefillTokens / 2)
  room = Math.min(room, chunkTokens)
  for (const slot of prefilling) {
    if (room === 0) break
    const { prompt, onPrompt, maxTokens } = slot.job
    const from = slot.position
    const chunk = prompt.subarray(from, from + (onPrompt === undefined ? room : Math.min(room, mostLooks)))
    const last = from + chunk.length === prompt.length
    const ends = last ? Uint32Array.of(chunk.length - 1) : none
    const logits = add(context, slot, chunk, onPrompt === undefined ? ends : chunk.map((_, index) => index))
    if (onPrompt !== undefined)
      for (const [index, logit] of logits.entries()) {
        const token = prompt[from + index + 1]
        if (token !== undefined) looks.push({ slot, logit, token })
      }
    if (last) ready.push(slot)
    if (last && maxTokens > 0) wanted.push({ slot, logit: logits.at(-1) ?? 0 })
    room -= chunk.length
    prefillTokens += chunk.length
  }
  return { wanted, looks, ready, prefillTokens, decodedTokens: decoding.length }
}
