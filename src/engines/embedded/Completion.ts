import { Result, Schema } from "effect"
import type { AnswerFormat, Choice, Identity, UsageField } from "./Answer.ts"
import { usagePart } from "./Answer.ts"
import { field, integer, read, required } from "./Body.ts"
import { completionLogprobs } from "./Logprobs.ts"
import { invalid, type Problem } from "./Problem.ts"
import * as Request from "./Request.ts"

const Tokens = Schema.Array(integer(0, 2 ** 31 - 1))

/** The body of `POST /v1/completions`. */
const Body = Schema.Struct({
  ...Request.fields,
  prompt: required(
    "text, a list of token ids, or a list of either",
    Schema.Union([Schema.String, Tokens, Schema.Array(Schema.Union([Schema.String, Tokens]))]),
  ),
  logprobs: field(`a whole number from 0 to ${Request.maximumLogprobs}`, integer(0, Request.maximumLogprobs)),
  max_tokens: field("a whole number of at least 1, or 0 with echo", integer(0)),
  best_of: field("a whole number equal to n", integer(1)),
  echo: field("true or false", Schema.Boolean),
  suffix: field("absent", Schema.String),
})

/** Fields that would change the answer and are not honoured: refused, never passed over in silence. */
const refused = (body: typeof Body.Type): Problem | null => {
  const asked: ReadonlyArray<readonly [name: string, asked: boolean]> = [
    ["best_of other than n", (body.best_of ?? body.n ?? 1) !== (body.n ?? 1)],
    ["suffix", (body.suffix ?? "") !== ""],
  ]
  const names = asked.flatMap(([name, isAsked]) => (isAsked ? [name] : []))
  return names.length === 0
    ? null
    : invalid(
        `this server does not support ${names.join(", ")}: leave it out`,
        names[0]?.split(" ")[0],
        "unsupported_parameter",
      )
}

/** A completion request with its defaults filled in. */
export interface CompletionRequest {
  readonly generation: Request.GenerationRequest
  readonly delivery: Request.DeliveryRequest
}

const isTokens = (prompt: Request.Prompt | ReadonlyArray<Request.Prompt>): prompt is ReadonlyArray<number> =>
  typeof prompt !== "string" && prompt.every((entry) => typeof entry === "number")

const promptsOf = (prompt: typeof Body.Type.prompt): ReadonlyArray<Request.Prompt> => {
  if (typeof prompt === "string") return [prompt]
  if (isTokens(prompt)) return [prompt]
  return prompt.flatMap((entry) => (typeof entry === "number" ? [] : [entry]))
}

const defaultMaxTokens = 16

/** Reads a request body; the failure says what is wrong with it. */
export const decode = (text: string): Result.Result<CompletionRequest, Problem> =>
  Result.flatMap(read(Body, text), (body) => {
    const refusal = refused(body)
    if (refusal !== null) return Result.fail(refusal)
    const prompts = promptsOf(body.prompt)
    if (prompts.length === 0 || prompts.some((prompt) => prompt.length === 0 && typeof prompt !== "string"))
      return Result.fail(invalid("prompt must not be empty", "prompt"))
    const echo = body.echo ?? false
    if (body.max_tokens === 0 && !echo)
      return Result.fail(invalid("max_tokens is 0; it must be at least 1 where echo is not true", "max_tokens"))
    const own = {
      prompts,
      promptField: "prompt",
      maxTokens: body.max_tokens ?? defaultMaxTokens,
      logprobs: body.logprobs ?? null,
      echo,
    }
    return Result.map(Request.generationOf(body, own), (generation) => ({
      generation,
      delivery: Request.deliveryOf(body),
    }))
  })

const completionObject = (identity: Identity, choices: ReadonlyArray<Choice>, usage: UsageField) => ({
  id: identity.id,
  object: "text_completion",
  created: identity.created,
  model: identity.model,
  choices: choices.map((choice) => ({
    index: choice.index,
    text: choice.text,
    logprobs: choice.logprobs === null ? null : completionLogprobs(choice.logprobs),
    finish_reason: choice.finishReason,
    ...(choice.tokenIds === null ? {} : { token_ids: choice.tokenIds }),
  })),
  ...usagePart(usage),
})

/** OpenAI's `text_completion` objects. */
export const format: AnswerFormat = {
  idPrefix: "cmpl",
  whole: completionObject,
  opening: null,
  piece: (identity, choice, usage) => completionObject(identity, choice === null ? [] : [choice], usage),
}
