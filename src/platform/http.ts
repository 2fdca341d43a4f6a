import { request } from "node:http"
import { text } from "node:stream/consumers"

/** A server's answer to a small request. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/**
 * A request without a body; null when nothing answers within the limit. An engine is asked directly, whatever proxy the
 * environment names for the world outside.
 */
export const ask = (method: "GET" | "POST", url: string, timeoutMillis: number): Promise<HttpAnswer | null> => {
  const options = { method, agent: false, signal: AbortSignal.timeout(timeoutMillis) } as const
  return new Promise((resolve) => {
    const nothing = () => resolve(null)
    request(url, options, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), nothing)
    })
      .on("error", nothing)
      .end()
  })
}
