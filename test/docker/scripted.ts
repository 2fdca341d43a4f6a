import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"

/** A request as it came over the socket. */
export interface Asked {
  /** Method and path without query and version, e.g. `GET /info`. */
  readonly what: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What the daemon answers, or how it fails to. */
export type Answer =
  | { readonly status: number; readonly body: unknown }
  /** An answer in pieces, cut off, left open or ended as told. */
  | { readonly pieces: ReadonlyArray<string>; readonly end: "whole" | "cut" | "hang" }
  /** The connection turned into a container's streams, with this output, in base64. */
  | { readonly output: string; readonly end: "whole" | "cut" | "hang" }
  | "hang"
  | "reset"

/** Answers by request; of several the last one stays. What is not there is not found. */
export type Script = Readonly<Record<string, Answer | ReadonlyArray<Answer>>>

export interface ScriptedDaemon {
  readonly socketPath: string
  readonly asked: ReadonlyArray<Asked>
  /** Completes when the daemon has been asked this, however long ago. */
  readonly wasAsked: (what: string) => Effect.Effect<Asked>
  /** Completes when no client holds a connection any more. */
  readonly idle: Effect.Effect<void>
}

const reasons: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 204: "No Content" }

const write = (socket: Socket, answer: Answer): void => {
  if (answer === "hang") return
  if (answer === "reset") {
    socket.destroy()
    return
  }
  if ("output" in answer) {
    const head =
      "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    socket.write(Buffer.concat([Buffer.from(head), Buffer.from(answer.output, "base64")]), () => {
      if (answer.end === "whole") socket.end()
      if (answer.end === "cut") socket.destroy()
    })
    return
  }
  if ("pieces" in answer) {
    socket.write(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    )
    for (const piece of answer.pieces) socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
    if (answer.end === "whole") socket.end("0\r\n\r\n")
    if (answer.end === "cut") socket.write("ffff\r\n{", () => socket.destroy())
    return
  }
  const { status, body } = answer
  const text = typeof body === "string" ? body : body === null ? "" : JSON.stringify(body)
  const head = `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}\r\nContent-Type: application/json\r\nConnection: close\r\n`
  socket.end(status === 204 ? `${head}\r\n` : `${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
}

/** The body of a request once it is whole; null until then. */
const wholeBody = (headers: Readonly<Record<string, string>>, rest: Buffer): Buffer | null => {
  if (headers["transfer-encoding"] === "chunked") return rest.subarray(-5).toString() === "0\r\n\r\n" ? rest : null
  const length = Number(headers["content-length"] ?? 0)
  return rest.length < length ? null : rest.subarray(0, length)
}

/** Reads one request; null until it is whole. */
export const readRequest = (bytes: Buffer): Asked | null => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return null
  const [first = "", ...lines] = bytes.subarray(0, end).toString().split("\r\n")
  const [method = "", target = ""] = first.split(" ")
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  )
  const body = wholeBody(headers, bytes.subarray(end + 4))
  if (body === null) return null
  const url = new URL(target, "http://docker")
  const what = `${method} ${decodeURIComponent(url.pathname).replace(/^\/v1\.\d+\//, "/")}`
  return { what, query: Object.fromEntries(url.searchParams), headers, body }
}

/** A daemon on a unix socket that answers as scripted, until the scope closes. */
export const scriptedDaemon = (
  script: Script,
  at: string | null = null,
): Effect.Effect<ScriptedDaemon, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = mkdtempSync(join(tmpdir(), "llem-docker-"))
      const socketPath = at ?? join(folder, "docker.sock")
      const asked: Array<Asked> = []
      const times = new Map<string, number>()
      const open = new Set<Socket>()
      const changes = new EventTarget()
      const changed = () => changes.dispatchEvent(new Event("change"))
      /** Completes when `found` gives something, looked at again with every change. */
      const once = <A>(found: () => A | null): Effect.Effect<A> =>
        Effect.callback<A>((resume) => {
          const look = () => {
            const value = found()
            if (value === null) return
            changes.removeEventListener("change", look)
            resume(Effect.succeed(value))
          }
          changes.addEventListener("change", look)
          look()
          return Effect.sync(() => changes.removeEventListener("change", look))
        })
      const next = (what: string): Answer => {
        const answers: ReadonlyArray<Answer> = [script[what] ?? []].flat()
        const time = times.get(what) ?? 0
        times.set(what, time + 1)
        return answers[time] ?? answers.at(-1) ?? { status: 404, body: { message: "page not found" } }
      }
      const server = createServer((socket) => {
        open.add(socket)
        let bytes = Buffer.alloc(0)
        let answered = false
        socket.on("error", () => undefined)
        socket.on("close", () => {
          open.delete(socket)
          changed()
        })
        socket.on("data", (more) => {
          if (answered) return
          bytes = Buffer.concat([bytes, Buffer.from(more)])
          const request = readRequest(bytes)
          if (request === null) return
          answered = true
          asked.push(request)
          changed()
          write(socket, next(request.what))
        })
      })
      await new Promise<void>((resolve) => server.listen(socketPath, resolve))
      const wasAsked = (what: string) => once(() => asked.find((one) => one.what === what) ?? null)
      const idle = Effect.asVoid(once(() => (open.size === 0 ? true : null)))
      return { folder, socketPath, asked, wasAsked, idle, server, open }
    }),
    ({ folder, server, open }) =>
      Effect.promise(async () => {
        for (const socket of open) socket.destroy()
        await new Promise<void>((resolve) => server.close(() => resolve()))
        rmSync(folder, { recursive: true, force: true })
      }),
  )
