import { Result } from "effect"
import * as Http from "../../platform/httpServer.ts"
import type { AnswerFormat } from "./Answer.ts"
import * as Chat from "./Chat.ts"
import type { Render } from "./ChatTemplate.ts"
import * as Completion from "./Completion.ts"
import * as Delivery from "./Delivery.ts"
import type { Prepare } from "./Generation.ts"
import * as Metrics from "./Metrics.ts"
import { errorObject, invalid, type Problem } from "./Problem.ts"
import type { DeliveryRequest, GenerationRequest } from "./Request.ts"
import type { SchedulerCounts } from "./Scheduler.ts"
import { decodeDetokenize, decodeTokenize, type Tokenizer } from "./Tokenizer.ts"

/** A loaded model, ready to complete prompts. */
export interface Loaded {
  readonly info: Readonly<Record<string, unknown>>
  readonly limits: Metrics.EngineLimits
  readonly counts: () => SchedulerCounts
  /** Empties the prefix cache. */
  readonly forget: () => void
  readonly prepare: Prepare
  readonly tokenizer: Tokenizer
  readonly render: Render
}

/** The server's state: the model appears once it is loaded. */
export interface ServerState {
  readonly model: string
  readonly createdSeconds: number
  readonly nowSeconds: () => number
  readonly maximumQueued: number
  readonly maximumBodyBytes: number
  readonly outcomes: Map<Metrics.Outcome, number>
  /** Requests that are being answered. */
  open: number
  /** Set when the server is about to end: what runs is finished, nothing more is taken. */
  draining: boolean
  loaded: Loaded | null
}

type Answer = Response | Promise<Response>
type Handler = (state: ServerState, request: Request, id: string) => Answer

const refuse = (problem: Problem, headers: Readonly<Record<string, string>> = {}): Response =>
  Http.json(errorObject(problem), problem.status, headers)

const loading: Problem = { status: 503, message: "the model is still loading", param: null, code: "model_loading" }

const draining: Problem = { status: 503, message: "the server is shutting down", param: null, code: "shutting_down" }

const unknownModel = (state: ServerState, model: string): Problem => ({
  status: 404,
  message: `there is no model ${model} here, only ${state.model}`,
  param: "model",
  code: "model_not_found",
})

const tooLarge = (state: ServerState): Problem => ({
  status: 413,
  message: `the body is larger than ${state.maximumBodyBytes} bytes`,
  param: null,
  code: "request_too_large",
})

const encoded = (coding: string): Problem => ({
  status: 415,
  message: `the body is encoded as ${coding}; send it as it is`,
  param: null,
  code: "unsupported_encoding",
})

/** The body of a request as text, unless it is larger than allowed, or encoded. */
const bodyOf = async (state: ServerState, request: Request): Promise<Result.Result<string, Problem>> => {
  const coding = request.headers.get("content-encoding") ?? "identity"
  if (coding !== "identity") return Result.fail(encoded(coding))
  if (Number(request.headers.get("content-length") ?? 0) > state.maximumBodyBytes) return Result.fail(tooLarge(state))
  const bytes = await request.arrayBuffer()
  return bytes.byteLength > state.maximumBodyBytes
    ? Result.fail(tooLarge(state))
    : Result.succeed(new TextDecoder().decode(bytes))
}

const withModel =
  (handler: (state: ServerState, loaded: Loaded, request: Request) => Answer): Handler =>
  (state, request) =>
    state.loaded === null ? refuse(loading, { "retry-after": "1" }) : handler(state, state.loaded, request)

/** One kind of request: how its body is read and in which objects it is answered. */
interface Kind<A extends { readonly delivery: DeliveryRequest }> {
  readonly format: AnswerFormat
  readonly decode: (text: string) => Result.Result<A, Problem>
  readonly generationOf: (request: A, loaded: Loaded) => Result.Result<GenerationRequest, Problem>
}

const completions: Kind<Completion.CompletionRequest> = {
  format: Completion.format,
  decode: Completion.decode,
  generationOf: ({ generation }) => Result.succeed(generation),
}

const chat: Kind<Chat.ChatRequest> = {
  format: Chat.format,
  decode: Chat.decode,
  generationOf: (request, { render }) => Chat.generationOf(request, render),
}

/** What a request asks for and the generators that will answer it, or why it is not taken. */
const accept = <A extends { readonly delivery: DeliveryRequest }>(
  state: ServerState,
  loaded: Loaded,
  kind: Kind<A>,
  text: string,
) =>
  Result.gen(function* () {
    const request = yield* kind.decode(text)
    const { model } = request.delivery
    if (model !== null && model !== state.model) return yield* Result.fail(unknownModel(state, model))
    const generation = yield* kind.generationOf(request, loaded)
    // Before anything is made for each of them: there may be millions.
    const sequences = generation.prompts.length * generation.copies
    if (sequences > state.maximumQueued)
      return yield* Result.fail(
        invalid(`${sequences} answers are asked for at once; at most ${state.maximumQueued} can wait`, "n"),
      )
    if (loaded.counts().queued + sequences > state.maximumQueued)
      return yield* Result.fail<Problem>({
        status: 429,
        message: `the queue is full: at most ${state.maximumQueued} sequences wait`,
        param: null,
        code: "queue_full",
      })
    return { request: request.delivery, generators: yield* loaded.prepare(generation) }
  })

let nextId = 0

const generate = <A extends { readonly delivery: DeliveryRequest }>(kind: Kind<A>): Handler =>
  withModel(async (state, loaded, request) => {
    if (state.draining) return refuse(draining, { connection: "close" })
    const count = (outcome: Metrics.Outcome) => state.outcomes.set(outcome, (state.outcomes.get(outcome) ?? 0) + 1)
    const accepted = Result.flatMap(await bodyOf(state, request), (text) => accept(state, loaded, kind, text))
    if (Result.isFailure(accepted)) {
      count("refused")
      return refuse(accepted.failure)
    }
    const delivery: Delivery.Delivery = {
      ...accepted.success,
      format: kind.format,
      identity: { id: `${kind.format.idPrefix}-${nextId++}`, created: state.nowSeconds(), model: state.model },
      signal: request.signal,
      onOutcome: (outcome) => {
        state.open -= 1
        count(outcome)
      },
    }
    state.open += 1
    return delivery.request.stream ? Delivery.streamed(delivery) : Delivery.whole(delivery)
  })

const tokenize: Handler = withModel(async (state, loaded, request) =>
  Result.match(Result.flatMap(await bodyOf(state, request), decodeTokenize), {
    onFailure: (problem) => refuse(problem),
    onSuccess: (asked) => {
      const tokens = loaded.tokenizer.tokenize(asked)
      return Http.json({ tokens, count: tokens.length, max_model_len: loaded.limits.contextPerSequence })
    },
  }),
)

const detokenize: Handler = withModel(async (state, loaded, request) =>
  Result.match(
    Result.flatMap(Result.flatMap(await bodyOf(state, request), decodeDetokenize), loaded.tokenizer.detokenize),
    { onFailure: (problem) => refuse(problem), onSuccess: (content) => Http.json({ content }) },
  ),
)

const modelObject = (state: ServerState) => ({
  id: state.model,
  object: "model",
  created: state.createdSeconds,
  owned_by: "llem",
  max_model_len: state.loaded?.limits.contextPerSequence ?? null,
})

const props: Handler = withModel((_state, { info, counts }) => {
  const { active, queued, steps, prefillTokens, decodedTokens } = counts()
  return Http.json({ ...info, active, queued, steps, prefill_tokens: prefillTokens, decoded_tokens: decodedTokens })
})

const forget: Handler = withModel((_state, loaded) => {
  loaded.forget()
  return Http.json({ status: "ok" })
})

const metrics: Handler = ({ outcomes, loaded }) =>
  Http.text(
    Metrics.render(outcomes, loaded === null ? null : { counts: loaded.counts(), limits: loaded.limits }),
    Metrics.contentType,
  )

const health: Handler = ({ loaded, draining: ending }) => {
  if (ending) return Http.json({ status: "shutting down" }, 503)
  return loaded === null ? Http.json({ status: "loading" }, 503) : Http.json({ status: "ok" })
}

/** Handlers by path and method; a path that ends with a slash takes one more segment. */
const routes: ReadonlyMap<string, Readonly<Record<string, Handler>>> = new Map([
  ["/health", { GET: health }],
  ["/metrics", { GET: metrics }],
  ["/props", { GET: props }],
  ["/v1/models", { GET: (state) => Http.json({ object: "list", data: [modelObject(state)] }) }],
  [
    "/v1/models/",
    {
      GET: (state, _request, id) =>
        id === state.model ? Http.json(modelObject(state)) : refuse(unknownModel(state, id)),
    },
  ],
  ["/v1/completions", { POST: generate(completions) }],
  ["/v1/chat/completions", { POST: generate(chat) }],
  ["/tokenize", { POST: tokenize }],
  ["/detokenize", { POST: detokenize }],
  ["/reset_prefix_cache", { POST: forget }],
])

/** The answer to a request whose handling threw. */
export const broken = (cause: unknown): Response =>
  refuse({ status: 500, message: String(cause), param: null, code: null })

const segment = (text: string): string =>
  Result.getOrElse(Result.try({ try: () => decodeURIComponent(text), catch: () => text }), (raw) => raw)

/** Answers one request of the OpenAI protocol. */
export const handle = (state: ServerState, request: Request): Answer => {
  const { pathname } = new URL(request.url)
  const cut = pathname.lastIndexOf("/") + 1
  const exact = routes.get(pathname)
  const methods = exact ?? (cut < pathname.length ? routes.get(pathname.slice(0, cut)) : undefined)
  if (methods === undefined)
    return refuse({ status: 404, message: `there is nothing at ${pathname}`, param: null, code: null })
  const handler = methods[request.method === "HEAD" ? "GET" : request.method]
  if (handler !== undefined) return handler(state, request, segment(pathname.slice(cut)))
  const allow = Object.keys(methods).join(", ")
  return refuse(
    { status: 405, message: `${pathname} takes ${allow}, not ${request.method}`, param: null, code: null },
    { allow },
  )
}
