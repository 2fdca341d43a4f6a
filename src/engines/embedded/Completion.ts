import { Result, Schema } from "effect"

const Tokens = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 })))

/** A field that may be left out or null, as OpenAI's clients send it. */
const field = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** The body of `POST /v1/completions`, as far as this server honours it. */
const Body = Schema.Struct({
  model: field(Schema.String),
  prompt: Schema.Union([Schema.String, Tokens, Schema.Array(Schema.Union([Schema.String, Tokens]))]),
  max_tokens: field(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  stream: field(Schema.Boolean),
  stream_options: field(
    Schema.Struct({ include_usage: field(Schema.Boolean), continuous_usage_stats: field(Schema.Boolean) }),
  ),
  temperature: field(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  top_k: field(Schema.Int),
  top_p: field(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  seed: field(Schema.Int),
  ignore_eos: field(Schema.Boolean),
  return_token_ids: field(Schema.Boolean),
  n: field(Schema.Int),
  best_of: field(Schema.Int),
  echo: field(Schema.Boolean),
  logprobs: field(Schema.Unknown),
  stop: field(Schema.Unknown),
  suffix: field(Schema.Unknown),
  presence_penalty: field(Schema.Finite),
  frequency_penalty: field(Schema.Finite),
})

/** Fields that would change the answer and are not honoured: refused, never passed over in silence. */
const refused = (body: typeof Body.Type): string | null => {
  const asked: ReadonlyArray<readonly [name: string, asked: boolean]> = [
    ["n", (body.n ?? 1) !== 1],
    ["best_of", (body.best_of ?? 1) !== 1],
    ["echo", body.echo ?? false],
    ["logprobs", (body.logprobs ?? null) !== null],
    ["stop", (body.stop ?? null) !== null],
    ["suffix", (body.suffix ?? null) !== null],
    ["presence_penalty", (body.presence_penalty ?? 0) !== 0],
    ["frequency_penalty", (body.frequency_penalty ?? 0) !== 0],
  ]
  const names = asked.flatMap(([name, isAsked]) => (isAsked ? [name] : []))
  return names.length === 0 ? null : `this server does not support ${names.join(", ")}: leave it out`
}

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
      const refusal = refused(body)
      if (refusal !== null) return Result.fail(refusal)
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
