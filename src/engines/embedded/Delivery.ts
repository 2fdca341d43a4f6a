import * as Http from "../../platform/httpServer.ts"
import type { AnswerFormat, Choice, FinishReason, Identity, Usage, UsageField } from "./Answer.ts"
import type { Generator } from "./Generation.ts"
import type { TokenLogprob } from "./Logprobs.ts"
import { errorObject, type Problem } from "./Problem.ts"
import type { DeliveryRequest } from "./Request.ts"

/** An answer to be given: which generators make it, and in which objects it goes out. */
export interface Delivery {
  readonly format: AnswerFormat
  readonly identity: Identity
  readonly request: DeliveryRequest
  readonly generators: ReadonlyArray<Generator>
  readonly signal: AbortSignal
  /** Told once, how it ended. */
  readonly onOutcome: (outcome: "completed" | "failed" | "cancelled") => void
}

const event = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`

/** Tokens of a request's prompts and answers together, as far as they have come. */
const usageOf = (generators: ReadonlyArray<Generator>): Usage => ({
  promptTokens: generators.reduce((sum, generator) => sum + generator.promptTokens, 0),
  completionTokens: generators.reduce((sum, generator) => sum + generator.produced(), 0),
})

const failed = (cause: unknown): Problem => ({ status: 500, message: String(cause), param: null, code: null })

/** Cancels every generator when the client goes away. */
const whileConnected = ({ generators, signal }: Delivery, onGone: () => void) => {
  const cancelAll = () => {
    onGone()
    for (const generator of generators) generator.cancel()
  }
  signal.addEventListener("abort", cancelAll)
  if (signal.aborted) cancelAll()
  return { cancelAll, release: () => signal.removeEventListener("abort", cancelAll) }
}

/** Streams the answers: a chunk per token, one with the finish reason for each choice, then the usage as asked for. */
export const streamed = (delivery: Delivery): Response => {
  const { format, identity, request, generators, onOutcome } = delivery
  let closed = false
  let begun = false
  const connection = whileConnected(delivery, () => {
    closed = true
    // A client that goes away before its answer begins never has it asked for.
    if (!begun) onOutcome("cancelled")
  })
  return Http.eventStream(async (writer) => {
    if (closed) return
    begun = true
    const send = (body: unknown) => {
      if (!closed) writer.write(event(body))
    }
    const usage = (): UsageField => {
      if (request.continuousUsage) return usageOf(generators)
      return request.includeUsage ? null : undefined
    }
    const chunk = (
      index: number,
      text: string,
      finishReason: FinishReason | null,
      token: number | null,
      logprobs: ReadonlyArray<TokenLogprob> | null,
    ) => {
      const tokenIds = request.returnTokenIds ? (token === null ? [] : [token]) : null
      send(format.piece(identity, { index, text, finishReason, tokenIds, logprobs }, usage()))
    }
    try {
      await Promise.all(
        generators.map(async (generator, index) => {
          if (format.opening !== null) send(format.opening(identity, index, usage()))
          const end = await generator.run(
            (text, token, logprob) => chunk(index, text, null, token, logprob === null ? null : [logprob]),
            (text, told) => chunk(index, text, null, null, told),
          )
          chunk(index, end.text, end.reason, null, null)
        }),
      )
      if (request.includeUsage) send(format.piece(identity, null, usageOf(generators)))
      if (!closed) writer.write("data: [DONE]\n\n")
      onOutcome(closed ? "cancelled" : "completed")
    } catch (cause) {
      onOutcome(closed ? "cancelled" : "failed")
      send(errorObject(failed(cause)))
      connection.cancelAll()
    } finally {
      connection.release()
    }
  })
}

const choiceOf = async (generator: Generator, index: number, { request }: Delivery): Promise<Choice> => {
  let text = ""
  const tokenIds: Array<number> = []
  const logprobs: Array<TokenLogprob> = []
  const end = await generator.run(
    (piece, token, logprob) => {
      text += piece
      tokenIds.push(token)
      if (logprob !== null) logprobs.push(logprob)
    },
    (prompt, told) => {
      text += prompt
      logprobs.push(...(told ?? []))
    },
  )
  return {
    index,
    text: text + end.text,
    finishReason: end.reason,
    tokenIds: request.returnTokenIds ? tokenIds : null,
    logprobs: logprobs.length > 0 ? logprobs : null,
  }
}

/** Gives the answers in one piece. */
export const whole = async (delivery: Delivery): Promise<Response> => {
  const { format, identity, generators } = delivery
  let gone = false
  const connection = whileConnected(delivery, () => {
    gone = true
  })
  try {
    const choices = await Promise.all(generators.map((generator, index) => choiceOf(generator, index, delivery)))
    delivery.onOutcome("completed")
    return Http.json(format.whole(identity, choices, usageOf(generators)))
  } catch (cause) {
    delivery.onOutcome(gone ? "cancelled" : "failed")
    connection.cancelAll()
    return Http.json(errorObject(failed(cause)), 500)
  } finally {
    connection.release()
  }
}
