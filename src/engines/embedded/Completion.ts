import { Result, Schema } from "effect"

const Tokens = Schema.Array(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))

/** The body of `POST /v1/completions`, as far as this server honours it. */
const Body = Schema.Struct({
  model: Schema.optionalKey(Schema.String),
  prompt: Schema.Union([Schema.String, Tokens, Schema.Array(Schema.Union([Schema.String, Tokens]))]),
  max_tokens: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  stream: Schema.optionalKey(Schema.Boolean),
  stream_options: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        include_usage: Schema.optionalKey(Schema.Boolean),
        continuous_usage_stats: Schema.optionalKey(Schema.Boolean),
      }),
    ),
  ),
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  top_k: Schema.optionalKey(Schema.Int),
  top_p: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  seed: Schema.optionalKey(Schema.Int),
  ignore_eos: Schema.optionalKey(Schema.Boolean),
  return_token_ids: Schema.optionalKey(Schema.Boolean),
})

export type Prompt = string | ReadonlyArray<number>

/** A completion request with its defaults filled in. */
export interface CompletionRequest {
  readonly model: string | null
  readonly prompts: ReadonlyArray<Prompt>
  readonly maxTokens: number
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly continuousUsage: boolean
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly seed: number | null
  readonly ignoreEos: boolean
  readonly returnTokenIds: boolean
}

const isTokens = (prompt: Prompt | ReadonlyArray<Prompt>): prompt is ReadonlyArray<number> =>
  typeof prompt !== "string" && prompt.every((entry) => typeof entry === "number")

const promptsOf = (prompt: typeof Body.Type.prompt): ReadonlyArray<Prompt> => {
  if (typeof prompt === "string") return [prompt]
  if (isTokens(prompt)) return [prompt]
  return prompt.flatMap((entry) => (typeof entry === "number" ? [] : [entry]))
}

const decodeBody = Schema.decodeUnknownResult(Schema.fromJsonString(Body))

/** Reads a request body; the failure is a sentence for the client. */
export const decode = (text: string): Result.Result<CompletionRequest, string> =>
  Result.match(decodeBody(text), {
    onFailure: (error) => Result.fail(error.message),
    onSuccess: (body) => {
      const prompts = promptsOf(body.prompt)
      if (prompts.length === 0 || prompts.some((prompt) => prompt.length === 0 && typeof prompt !== "string"))
        return Result.fail("prompt must not be empty")
      return Result.succeed({
        model: body.model ?? null,
        prompts,
        maxTokens: body.max_tokens ?? 16,
        stream: body.stream ?? false,
        includeUsage: body.stream_options?.include_usage ?? false,
        continuousUsage: body.stream_options?.continuous_usage_stats ?? false,
        temperature: body.temperature ?? 1,
        topK: body.top_k ?? 0,
        topP: body.top_p ?? 1,
        seed: body.seed ?? null,
        ignoreEos: body.ignore_eos ?? false,
        returnTokenIds: body.return_token_ids ?? false,
      })
    },
  })

export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
}

export type FinishReason = "length" | "stop"

/** One completion as it stands, or one piece of a streamed one. */
export interface Choice {
  readonly index: number
  readonly text: string
  readonly finishReason: FinishReason | null
  readonly tokenIds: ReadonlyArray<number> | null
}

const usageOf = ({ promptTokens, completionTokens }: Usage) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
})

/** An OpenAI `text_completion` object. */
export const completionObject = (
  identity: { readonly id: string; readonly created: number; readonly model: string },
  choices: ReadonlyArray<Choice>,
  usage: Usage | null,
) => ({
  id: identity.id,
  object: "text_completion",
  created: identity.created,
  model: identity.model,
  choices: choices.map((choice) => ({
    index: choice.index,
    text: choice.text,
    logprobs: null,
    finish_reason: choice.finishReason,
    ...(choice.tokenIds === null ? {} : { token_ids: choice.tokenIds }),
  })),
  ...(usage === null ? {} : { usage: usageOf(usage) }),
})

/** An error in OpenAI's shape. */
export const errorObject = (message: string, type: string, code: string | null = null) => ({
  error: { message, type, param: null, code },
})
