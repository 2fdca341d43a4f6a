import { request } from "node:http"
import { text } from "node:stream/consumers"

/** A server's answer to a small request. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/**
 * A request without a body over TCP or a unix socket; null when nothing answers within the limit. An engine is asked directly, whatever
 * proxy the environment names for the world outside.
 */
export const ask = (
  method: "GET" | "POST",
  where: { readonly url: string; readonly unix?: string },
  timeoutMillis: number,
): Promise<HttpAnswer | null> => {
  const options = {
    method,
    agent: false,
    signal: AbortSignal.timeout(timeoutMillis),
    ...(where.unix === undefined ? {} : { socketPath: where.unix }),
  } as const
  return new Promise((resolve) => {
    const nothing = () => resolve(null)
    request(where.url, options, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), nothing)
    })
      .on("error", nothing)
      .end()
  })
}
