/** Writes one piece of a streamed answer; it leaves at once. */
export interface StreamWriter {
  readonly write: (text: string) => void
}

export interface HttpServer {
  readonly port: number
  readonly stop: () => Promise<void>
}

/** Starts an HTTP server; `broken` answers where `handle` throws. Throws when the port is taken. */
export const listen = (
  where: { readonly host: string; readonly port: number },
  handle: (request: Request) => Response | Promise<Response>,
  broken: (cause: unknown) => Response,
): HttpServer => {
  try {
    const server = Bun.serve({
      hostname: where.host,
      port: where.port,
      idleTimeout: 0,
      maxRequestBodySize: 64 * 1024 * 1024,
      development: false,
      fetch: handle,
      error: broken,
    })
    return { port: server.port ?? where.port, stop: () => server.stop(true) }
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE")
      throw new Error(`${where.host}:${where.port}: address already in use (EADDRINUSE)`)
    throw cause
  }
}

/** A server-sent event stream whose pieces are flushed one by one; `produce` settles when the stream ends. */
export const eventStream = (produce: (writer: StreamWriter) => Promise<void>): Response =>
  new Response(
    new ReadableStream({
      type: "direct",
      async pull(controller) {
        await produce({
          write: (text) => {
            controller.write(text)
            void controller.flush()
          },
        })
        controller.close()
      },
    }),
    { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } },
  )

/** A JSON answer. */
export const json = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  Response.json(body, { status, headers })

/** An answer of plain text. */
export const text = (body: string, contentType: string): Response =>
  new Response(body, { headers: { "content-type": contentType } })
