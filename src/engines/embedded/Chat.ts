import { Result, Schema } from "effect"
import { type AnswerFormat, type Choice, usagePart } from "./Answer.ts"
import { field, integer, read, required } from "./Body.ts"
import type { Message, Render } from "./ChatTemplate.ts"
import { chatLogprobs } from "./Logprobs.ts"
import { invalid, type Problem } from "./Problem.ts"
import * as Request from "./Request.ts"

const Part = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })

const ChatMessage = Schema.Struct({
  role: Schema.Literals(["system", "developer", "user", "assistant"]),
  content: Schema.Union([Schema.String, Schema.Array(Part)]),
  name: Schema.optionalKey(Schema.NullOr(Schema.String)),
  // Clients send an answer back as they got it, with what it does not have.
  refusal: Schema.optionalKey(Schema.Null),
  audio: Schema.optionalKey(Schema.Null),
  tool_calls: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Never))),
  function_call: Schema.optionalKey(Schema.Null),
  annotations: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Never))),
})

/** The body of `POST /v1/chat/completions`. */
const Body = Schema.Struct({
  ...Request.fields,
  messages: required(
    "a list of at least one {role, content}; a role is system, developer, user or assistant, a content is text or a list of text parts",
    Schema.Array(ChatMessage).check(Schema.isMinLength(1)),
  ),
  max_completion_tokens: field("a whole number of at least 1", integer(1)),
  logprobs: field("true or false", Schema.Boolean),
  top_logprobs: field(`a whole number from 0 to ${Request.maximumLogprobs}`, integer(0, Request.maximumLogprobs)),
  chat_template_kwargs: field("an object", Schema.Record(Schema.String, Schema.Unknown)),
  response_format: field('{"type": "text"}', Schema.Struct({ type: Schema.Literal("text") })),
  tools: field("an empty list: this server does not read calls out of an answer", Schema.Array(Schema.Never)),
  tool_choice: field('"none" or "auto"', Schema.Literals(["none", "auto"])),
  parallel_tool_calls: field("true or false", Schema.Boolean),
})

/** A chat request with its defaults filled in. */
export interface ChatRequest {
  readonly messages: ReadonlyArray<Message>
  /** Further variables of the template. */
  readonly variables: Readonly<Record<string, unknown>>
  readonly body: typeof Body.Type
  readonly delivery: Request.DeliveryRequest
}

const messageOf = ({ role, content, name }: typeof ChatMessage.Type): Message => ({
  role: role === "developer" ? "system" : role,
  content: typeof content === "string" ? content : content.map(({ text }) => text).join("\n"),
  ...(name === undefined || name === null ? {} : { name }),
})

/** Variables of a template that are the server's own. */
const own = new Set(["messages", "add_generation_prompt", "bos_token", "eos_token", "tools"])

/** What a body asks for that cannot be, though each of its fields may. */
const contradiction = (body: typeof Body.Type): Problem | null => {
  if ((body.top_logprobs ?? null) !== null && body.logprobs !== true)
    return invalid("top_logprobs needs logprobs to be true", "top_logprobs")
  const taken = Object.keys(body.chat_template_kwargs ?? {}).find((name) => own.has(name))
  return taken === undefined
    ? null
    : invalid(`chat_template_kwargs cannot set ${taken}, which the server sets itself`, "chat_template_kwargs")
}

/** Reads a request body; the failure says what is wrong with it. */
export const decode = (text: string): Result.Result<ChatRequest, Problem> =>
  Result.flatMap(read(Body, text), (body) => {
    const problem = contradiction(body)
    if (problem !== null) return Result.fail(problem)
    return Result.succeed({
      messages: body.messages.map(messageOf),
      variables: body.chat_template_kwargs ?? {},
      body,
      delivery: Request.deliveryOf(body),
    })
  })

/** What is to be generated for a conversation, once the model's template has made a prompt of it. */
export const generationOf = (request: ChatRequest, render: Render): Result.Result<Request.GenerationRequest, Problem> =>
  Result.match(render(request.messages, request.variables), {
    onFailure: (message) => Result.fail(invalid(message, "messages", "invalid_chat")),
    onSuccess: (prompt) =>
      Request.generationOf(request.body, {
        prompts: [prompt],
        promptField: "messages",
        maxTokens: request.body.max_completion_tokens ?? request.body.max_tokens ?? null,
        logprobs: request.body.logprobs === true ? (request.body.top_logprobs ?? 0) : null,
        echo: false,
      }),
  })

const choiceParts = (choice: Choice) => ({
  logprobs: choice.logprobs === null ? null : chatLogprobs(choice.logprobs),
  finish_reason: choice.finishReason,
  ...(choice.tokenIds === null ? {} : { token_ids: choice.tokenIds }),
})

/** OpenAI's `chat.completion` and `chat.completion.chunk` objects. */
export const format: AnswerFormat = {
  idPrefix: "chatcmpl",
  whole: ({ id, created, model }, choices, usage) => ({
    id,
    object: "chat.completion",
    created,
    model,
    choices: choices.map((choice) => ({
      index: choice.index,
      message: { role: "assistant", content: choice.text, refusal: null },
      ...choiceParts(choice),
    })),
    ...usagePart(usage),
  }),
  opening: ({ id, created, model }, index, usage) => ({
    id,
    object: "chat.completion.chunk",
    created,
    model,
    choices: [{ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }],
    ...usagePart(usage),
  }),
  piece: ({ id, created, model }, choice, usage) => ({
    id,
    object: "chat.completion.chunk",
    created,
    model,
    choices:
      choice === null
        ? []
        : [
            {
              index: choice.index,
              delta: choice.finishReason !== null && choice.text === "" ? {} : { content: choice.text },
              ...choiceParts(choice),
            },
          ],
    ...usagePart(usage),
  }),
}
