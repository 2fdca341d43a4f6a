import type { AddonSampler } from "../../platform/llamaAddon.ts"
import type { FinishReason } from "./Answer.ts"
import type { Distribution } from "./Logprobs.ts"

/** Reads the model's own distribution at a token that was drawn. */
export interface Observer {
  readonly read: (batchIndex: number, token: number) => Promise<Distribution>
}

/** What a job's tokens are drawn and looked at with, from when it has a sequence until it ends. */
export interface Drawing {
  readonly sampler: AddonSampler
  readonly observer: Observer | null
  /** Called once, at the end; not `idle` where the library may still be at work with them. */
  readonly release: (idle: boolean) => void
}

/** One sequence to generate. */
export interface Job {
  readonly prompt: Uint32Array
  readonly maxTokens: number
  readonly ignoreEos: boolean
  readonly draw: () => Drawing
  /**
   * Called once the prompt is in, with what the observer reads at each of its tokens but the first. It makes all of
   * the prompt be computed, also what the cache has.
   */
  readonly onPrompt?: (distributions: ReadonlyArray<Distribution>) => void
  /** Called for each token as it is sampled. */
  readonly onToken: (token: number, count: number, distribution: Distribution | null) => void
  readonly onEnd: (reason: FinishReason, count: number) => void
  readonly onFailure: (cause: unknown) => void
}

/** A job that has a sequence of the context. */
export interface Slot {
  readonly job: Job
  readonly drawing: Drawing
  readonly sequence: number
  /** Tokens that the context has of it, where they are kept for later prompts; else empty. */
  readonly fed: Array<number>
  /** What the observer has read at the prompt's tokens. */
  readonly read: Array<Distribution>
  /** Positions already in the context. */
  position: number
  /** The token to feed next, once the prompt is in. */
  next: number
  produced: number
  cancelled: boolean
  /** Cleared when the cache is emptied while it runs. */
  keep: boolean
}
