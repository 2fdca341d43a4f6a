import { Effect } from "effect"
import type { WorkloadRequest } from "../../src/domain/Request.ts"
import type { EncodedRequest } from "../../src/engines/Engine.ts"
import type { Endpoint } from "../../src/executors/EngineHost.ts"

/** One request as the server read it, and what it can do about it. */
export interface Asked {
  readonly body: { readonly id: number }
  readonly head: string
  /** The connection's number, from 0 in the order in which they were accepted. */
  readonly connection: number
  /** The request's number on its connection, from 0. */
  readonly nth: number
  readonly write: (bytes: string | Uint8Array) => void
  /** FIN after what was written. */
  readonly end: () => void
  /** RST at once. */
  readonly reset: () => void
}

export interface ScriptedServer {
  readonly endpoint: Endpoint
  readonly asked: Array<Asked>
  /** Connections accepted and not yet closed. */
  readonly open: () => number
  readonly accepted: () => number
}

interface State {
  number: number
  nth: number
  buffer: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("latin1")

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

const listen = (data: State, socket: Bun.SocketHandler<State>, unix: string | undefined) => {
  if (unix !== undefined) {
    const endpoint: Endpoint = { kind: "unix", path: unix }
    return { listener: Bun.listen<State>({ unix, data, socket }), endpoint }
  }
  const listener = Bun.listen<State>({ hostname: "127.0.0.1", port: 0, data, socket })
  const endpoint: Endpoint = { kind: "tcp", host: "127.0.0.1", port: listener.port }
  return { listener, endpoint }
}

/** A server on a real socket that does with each request what the script says, byte by byte. */
export const scripted = (script: (asked: Asked) => void, unix?: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const asked: Array<Asked> = []
      let accepted = 0
      let open = 0
      const socket: Bun.SocketHandler<State> = {
        open: (from) => {
          from.data = { number: accepted, nth: 0, buffer: new Uint8Array(0) }
          accepted += 1
          open += 1
        },
        close: () => {
          open -= 1
        },
        error: () => {},
        data: (from, bytes) => {
          const state = from.data
          state.buffer = joined(state.buffer, bytes)
          while (true) {
            const text = decoder.decode(state.buffer)
            const split = text.indexOf("\r\n\r\n")
            if (split < 0) return
            const length = Number(/content-length: (\d+)/.exec(text)?.[1])
            if (state.buffer.length < split + 4 + length) return
            const body: { id: number } = JSON.parse(text.slice(split + 4, split + 4 + length))
            state.buffer = state.buffer.slice(split + 4 + length)
            const one: Asked = {
              body,
              head: text.slice(0, split),
              connection: state.number,
              nth: state.nth,
              write: (out) => void from.write(typeof out === "string" ? encoder.encode(out) : out),
              end: () => void from.end(),
              reset: () => void from.terminate(),
            }
            state.nth += 1
            asked.push(one)
            script(one)
          }
        },
      }
      const data: State = { number: 0, nth: 0, buffer: new Uint8Array(0) }
      const { listener, endpoint } = listen(data, socket, unix)
      const server: ScriptedServer = { endpoint, asked, open: () => open, accepted: () => accepted }
      return { server, listener }
    }),
    ({ listener }) => Effect.sync(() => listener.stop(true)),
  ).pipe(Effect.map(({ server }) => server))

/** Requests 0 to n-1. */
export const workload = (n: number): ReadonlyArray<WorkloadRequest> =>
  Array.from({ length: n }, (_, id) => ({ id, prompt: "p", maxOutputTokens: 4 }))

export const encode = (request: WorkloadRequest): EncodedRequest => ({
  path: "/v1/completions",
  headers: { authorization: "Bearer k" },
  body: JSON.stringify({ id: request.id }),
})

/** An answer's head with a chunked body. */
export const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

/** Text as one chunk of a chunked body. */
export const chunk = (text: string): string => `${encoder.encode(text).length.toString(16)}\r\n${text}\r\n`

export const lastChunk = "0\r\n\r\n"

/** One event of a completion stream. */
export const event = (text: string, extra: Record<string, unknown> = {}, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, text, finish_reason: finish }], ...extra })}\n\n`

export const usage = (input: number, output: number) => ({
  usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
})

/** A complete stream of these words, one token each, counts in the last event only. */
export const words = (...texts: ReadonlyArray<string>): string =>
  [
    streamHead,
    ...texts.map((text) => chunk(event(text))),
    chunk(event("", usage(3, texts.length), "length")),
    chunk("data: [DONE]\n\n"),
    lastChunk,
  ].join("")
