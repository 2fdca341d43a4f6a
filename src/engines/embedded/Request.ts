import { Result, Schema } from "effect"
import { field, integer, number } from "./Body.ts"
import { invalid, type Problem } from "./Problem.ts"
import { mixesPenalties, type Sampling } from "./SamplerSettings.ts"

/** Text, or token ids as they are. */
export type Prompt = string | ReadonlyArray<number>

/** What is to be generated, with every default filled in. */
export interface GenerationRequest {
  readonly prompts: ReadonlyArray<Prompt>
  /** Name of the field that the prompts came from. */
  readonly promptField: string
  /** Answers for each prompt. */
  readonly copies: number
  /** null: what the context has room for. */
  readonly maxTokens: number | null
  /** Neither an end token nor a stop text ends the answer before. */
  readonly minTokens: number
  readonly stop: ReadonlyArray<string>
  readonly ignoreEos: boolean
  readonly seed: number | null
  readonly sampling: Sampling
  /** How many of the likeliest tokens are told beside each one; null: no log probabilities at all. */
  readonly logprobs: number | null
  /** Whether the prompt, with its log probabilities where they are asked for, comes before the answer. */
  readonly echo: boolean
}

/** How the answer goes out. */
export interface DeliveryRequest {
  readonly model: string | null
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly continuousUsage: boolean
  readonly returnTokenIds: boolean
}

const maximumCopies = 128
export const maximumLogprobs = 20
const maximumStops = 16

const Stop = Schema.String.check(Schema.isMinLength(1))
const flag = field("true or false", Schema.Boolean)
const penalty = field("a number from -2 to 2", number(-2, 2))

/** Fields that completions and chat completions share. */
export const fields = {
  model: field("the name of a model", Schema.String),
  max_tokens: field("a whole number of at least 1", integer(1)),
  min_tokens: field("a whole number of at least 0", integer(0)),
  stop: field(
    `text, or a list of up to ${maximumStops} texts, none of them empty`,
    Schema.Union([Stop, Schema.Array(Stop).check(Schema.isMaxLength(maximumStops))]),
  ),
  stream: flag,
  stream_options: field(
    "an object with include_usage and continuous_usage_stats, each true or false",
    Schema.Struct({ include_usage: flag, continuous_usage_stats: flag }),
  ),
  temperature: field("a number from 0 to 2", number(0, 2)),
  top_k: field("a whole number; 0 and -1 keep every token", integer(-1)),
  top_p: field("a number from 0 to 1", number(0, 1)),
  min_p: field("a number from 0 to 1", number(0, 1)),
  repetition_penalty: field("a number above 0, up to 10", number(Number.MIN_VALUE, 10)),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logit_bias: field(
    "an object of token ids with numbers from -100 to 100",
    Schema.Record(Schema.String.check(Schema.isPattern(/^\d{1,9}$/)), number(-100, 100)),
  ),
  seed: field("a whole number", integer()),
  ignore_eos: flag,
  return_token_ids: flag,
  n: field(`a whole number from 1 to ${maximumCopies}`, integer(1, maximumCopies)),
}

const Shared = Schema.Struct(fields)
type Shared = typeof Shared.Type

const samplingOf = (body: Shared): Sampling => ({
  temperature: body.temperature ?? 1,
  topK: body.top_k ?? 0,
  topP: body.top_p ?? 1,
  minP: body.min_p ?? 0,
  repetitionPenalty: body.repetition_penalty ?? 1,
  presencePenalty: body.presence_penalty ?? 0,
  frequencyPenalty: body.frequency_penalty ?? 0,
  bias: new Map(Object.entries(body.logit_bias ?? {}).map(([token, bias]) => [Number(token), bias])),
})

/** How the answer is wanted. */
export const deliveryOf = (body: Shared): DeliveryRequest => ({
  model: body.model ?? null,
  stream: body.stream ?? false,
  includeUsage: body.stream_options?.include_usage ?? false,
  continuousUsage: body.stream_options?.continuous_usage_stats ?? false,
  returnTokenIds: body.return_token_ids ?? false,
})

/** What is to be generated, from the shared fields and from what the two kinds of request say differently. */
export const generationOf = (
  body: Shared,
  own: Pick<GenerationRequest, "prompts" | "promptField" | "maxTokens" | "logprobs" | "echo">,
): Result.Result<GenerationRequest, Problem> => {
  const sampling = samplingOf(body)
  const minTokens = body.min_tokens ?? 0
  if (mixesPenalties(sampling))
    return Result.fail(
      invalid(
        "repetition_penalty cannot be combined with presence_penalty or frequency_penalty here: leave one kind out",
        "repetition_penalty",
        "unsupported_parameter",
      ),
    )
  if (own.maxTokens !== null && minTokens > own.maxTokens)
    return Result.fail(
      invalid(`min_tokens is ${minTokens}; it must be at most max_tokens, ${own.maxTokens}`, "min_tokens"),
    )
  const stop = body.stop ?? []
  return Result.succeed({
    ...own,
    copies: body.n ?? 1,
    minTokens,
    stop: typeof stop === "string" ? [stop] : stop,
    ignoreEos: body.ignore_eos ?? false,
    seed: body.seed ?? null,
    sampling,
  })
}
