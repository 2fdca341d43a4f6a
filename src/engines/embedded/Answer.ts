import type { TokenLogprob } from "./Logprobs.ts"

export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
}

export type FinishReason = "length" | "stop"

/** One answer as it stands, or one piece of a streamed one. */
export interface Choice {
  readonly index: number
  readonly text: string
  readonly finishReason: FinishReason | null
  readonly tokenIds: ReadonlyArray<number> | null
  /** null: they are not asked for, or the piece brings no token. */
  readonly logprobs: ReadonlyArray<TokenLogprob> | null
}

export interface Identity {
  readonly id: string
  readonly created: number
  readonly model: string
}

/** The objects in which one kind of request is answered. */
export interface AnswerFormat {
  readonly idPrefix: string
  /** A whole answer. */
  readonly whole: (identity: Identity, choices: ReadonlyArray<Choice>, usage: Usage) => unknown
  /** What opens the stream of a choice; null where nothing does. */
  readonly opening: ((identity: Identity, index: number, usage: UsageField) => unknown) | null
  /** One piece of a stream; without a choice it carries the usage. */
  readonly piece: (identity: Identity, choice: Choice | null, usage: UsageField) => unknown
}

/** The usage of a chunk: told, null where it comes later, or left out. */
export type UsageField = Usage | null | undefined

/** The usage field of an object, as a part of it. */
export const usagePart = (usage: UsageField) =>
  usage === undefined
    ? {}
    : {
        usage:
          usage === null
            ? null
            : {
                prompt_tokens: usage.promptTokens,
                completion_tokens: usage.completionTokens,
                total_tokens: usage.promptTokens + usage.completionTokens,
              },
      }
