import * as Http from "../../platform/httpServer.ts"
import * as Completion from "./Completion.ts"
import type { Generator, Loaded } from "./Generation.ts"

/** The server's state: the model appears once it is loaded. */
export interface ServerState {
  readonly model: string
  readonly createdSeconds: number
  readonly maximumQueued: number
  loaded: Loaded | null
}

const failure = (status: number, type: string, message: string, code: string | null = null): Response =>
  Http.json(Completion.errorObject(message, type, code), status)

const event = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`

type Identity = Parameters<typeof Completion.completionObject>[0]

/** Tokens of a request's prompts together, as far as they have come. */
const usageOf = (generators: ReadonlyArray<Generator>): Completion.Usage => ({
  promptTokens: generators.reduce((sum, generator) => sum + generator.promptTokens, 0),
  completionTokens: generators.reduce((sum, generator) => sum + generator.produced(), 0),
})

/** Streams one completion: a chunk per token, one with the finish reason, then the usage as asked for. */
const streamed = (
  request: Completion.CompletionRequest,
  identity: Identity,
  generators: ReadonlyArray<Generator>,
  signal: AbortSignal,
): Response =>
  Http.eventStream(async (writer) => {
    let closed = false
    const cancelAll = () => {
      closed = true
      for (const generator of generators) generator.cancel()
    }
    signal.addEventListener("abort", cancelAll)
    if (signal.aborted) cancelAll()
    const send = (body: unknown) => {
      if (!closed) writer.write(event(body))
    }
    const chunk = (index: number, text: string, finishReason: Completion.FinishReason | null, token: number | null) => {
      const tokenIds = request.returnTokenIds ? (token === null ? [] : [token]) : null
      send(
        Completion.completionObject(
          identity,
          [{ index, text, finishReason, tokenIds }],
          request.continuousUsage ? usageOf(generators) : null,
        ),
      )
    }
    try {
      await Promise.all(
        generators.map(async (generator, index) => {
          const reason = await generator.run((text, token) => chunk(index, text, null, token))
          chunk(index, generator.rest(), reason, null)
        }),
      )
      if (request.includeUsage) send(Completion.completionObject(identity, [], usageOf(generators)))
      if (!closed) writer.write("data: [DONE]\n\n")
    } catch (cause) {
      send(Completion.errorObject(String(cause), "server_error"))
      for (const generator of generators) generator.cancel()
    } finally {
      signal.removeEventListener("abort", cancelAll)
    }
  })

const whole = async (
  request: Completion.CompletionRequest,
  identity: Identity,
  generators: ReadonlyArray<Generator>,
  signal: AbortSignal,
): Promise<Response> => {
  const cancelAll = () => {
    for (const generator of generators) generator.cancel()
  }
  signal.addEventListener("abort", cancelAll)
  if (signal.aborted) cancelAll()
  try {
    const choices = await Promise.all(
      generators.map(async (generator, index): Promise<Completion.Choice> => {
        let text = ""
        const tokenIds: Array<number> = []
        const finishReason = await generator.run((piece, token) => {
          text += piece
          tokenIds.push(token)
        })
        return {
          index,
          text: text + generator.rest(),
          finishReason,
          tokenIds: request.returnTokenIds ? tokenIds : null,
        }
      }),
    )
    return Http.json(Completion.completionObject(identity, choices, usageOf(generators)))
  } catch (cause) {
    cancelAll()
    return failure(500, "server_error", String(cause))
  } finally {
    signal.removeEventListener("abort", cancelAll)
  }
}

const progress = (loaded: Loaded) => {
  const counts = loaded.counts()
  return {
    active: counts.active,
    queued: counts.queued,
    steps: counts.steps,
    prefill_tokens: counts.prefillTokens,
    decoded_tokens: counts.decodedTokens,
  }
}

let nextId = 0

const complete = async (state: ServerState, request: Request): Promise<Response> => {
  const { loaded } = state
  if (loaded === null) return failure(503, "server_error", "the model is still loading")
  const decoded = Completion.decode(await request.text())
  if (decoded._tag === "Failure") return failure(400, "invalid_request_error", decoded.failure)
  const body = decoded.success
  if (body.model !== null && body.model !== state.model)
    return failure(
      404,
      "invalid_request_error",
      `there is no model ${body.model} here, only ${state.model}`,
      "model_not_found",
    )
  const prepared = loaded.prepare(body)
  if (prepared._tag === "Failure")
    return failure(400, "invalid_request_error", prepared.failure.message, prepared.failure.code)
  if (loaded.counts().queued + prepared.success.length > state.maximumQueued)
    return failure(429, "rate_limit_error", `${state.maximumQueued} requests are waiting already`)
  const identity = { id: `cmpl-${nextId++}`, created: state.createdSeconds, model: state.model }
  return body.stream
    ? streamed(body, identity, prepared.success, request.signal)
    : whole(body, identity, prepared.success, request.signal)
}

/** Answers one request of the OpenAI protocol. */
export const handle = (state: ServerState, request: Request): Response | Promise<Response> => {
  const { pathname } = new URL(request.url)
  const route = `${request.method} ${pathname}`
  switch (route) {
    case "GET /health":
      return state.loaded === null ? Http.json({ status: "loading" }, 503) : Http.json({ status: "ok" })
    case "GET /v1/models":
      return Http.json({
        object: "list",
        data: [{ id: state.model, object: "model", created: state.createdSeconds, owned_by: "llem" }],
      })
    case "GET /props":
      return state.loaded === null
        ? failure(503, "server_error", "the model is still loading")
        : Http.json({ ...state.loaded.info, ...progress(state.loaded) })
    case "POST /v1/completions":
      return complete(state, request)
    default:
      return failure(404, "invalid_request_error", `there is nothing at ${route}`)
  }
}
