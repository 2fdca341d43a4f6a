import { Result, Schema } from "effect"
import type { AddonModel } from "../../platform/llamaAddon.ts"
import { field, integer, read, required } from "./Body.ts"
import { invalid, type Problem } from "./Problem.ts"
import type { Prompt } from "./Request.ts"

/** The tokens of a text with the one that begins a sequence, where the model wants it and the text has none. */
const withBeginning = (model: AddonModel, tokens: Uint32Array): Uint32Array =>
  !model.shouldPrependBosToken() || tokens[0] === model.tokenBos()
    ? tokens
    : Uint32Array.from([model.tokenBos(), ...tokens])

/** The tokens of a prompt; special tokens that are written out in a text are parsed as such. */
export const promptTokens = (model: AddonModel, prompt: Prompt): Uint32Array =>
  typeof prompt === "string" ? withBeginning(model, model.tokenize(prompt, true)) : Uint32Array.from(prompt)

/** The problem of a token id that the model does not have. */
export const unknownToken = (token: number, vocabularySize: number, param: string): Problem =>
  invalid(`token id ${token} is not in the vocabulary of ${vocabularySize} tokens`, param, "invalid_token")

const TokenizeBody = Schema.Struct({
  model: field("the name of a model", Schema.String),
  content: field("text", Schema.String),
  prompt: field("text", Schema.String),
  add_special: field("true or false", Schema.Boolean),
})

export interface TokenizeRequest {
  readonly text: string
  readonly addSpecial: boolean
}

/** Reads the body of `POST /tokenize`: the text is `content`, or `prompt` with the beginning of a sequence by default. */
export const decodeTokenize = (text: string): Result.Result<TokenizeRequest, Problem> =>
  Result.flatMap(read(TokenizeBody, text), (body) => {
    const content = body.content ?? body.prompt ?? null
    if ((body.content ?? null) !== null && (body.prompt ?? null) !== null)
      return Result.fail(invalid("content and prompt are two ways to say the same: give one of them", "prompt"))
    return content === null
      ? Result.fail(invalid("content is missing; it must be text", "content"))
      : Result.succeed({ text: content, addSpecial: body.add_special ?? (body.content ?? null) === null })
  })

const DetokenizeBody = Schema.Struct({
  model: field("the name of a model", Schema.String),
  tokens: required("a list of token ids", Schema.Array(integer(0, 2 ** 31 - 1))),
})

/** Reads the body of `POST /detokenize`. */
export const decodeDetokenize = (text: string): Result.Result<ReadonlyArray<number>, Problem> =>
  Result.map(read(DetokenizeBody, text), (body) => body.tokens)

/** A model's tokens from text and back. */
export interface Tokenizer {
  readonly tokenize: (request: TokenizeRequest) => ReadonlyArray<number>
  readonly detokenize: (tokens: ReadonlyArray<number>) => Result.Result<string, Problem>
}

/** The tokenizer of a loaded model; ids past its vocabulary are refused before the library sees them. */
export const tokenizer = (model: AddonModel, vocabularySize: number): Tokenizer => ({
  tokenize: ({ text, addSpecial }) => {
    const tokens = model.tokenize(text, true)
    return Array.from(addSpecial ? withBeginning(model, tokens) : tokens)
  },
  detokenize: (tokens) => {
    const outside = tokens.find((token) => token >= vocabularySize)
    return outside === undefined
      ? Result.succeed(model.detokenize(Uint32Array.from(tokens), true))
      : Result.fail(unknownToken(outside, vocabularySize, "tokens"))
  },
})
