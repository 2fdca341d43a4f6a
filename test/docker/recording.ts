import { connect, createServer, type Socket } from "node:net"
import { type Answer, readRequest, type Script } from "./scripted.ts"

/** What was recorded of a real daemon: the names that its answers hold, and its answers of each case. */
export interface Recording {
  readonly daemon: string
  readonly world: Readonly<Record<"prefix" | "image" | "known" | "unknown" | "damaged", string>>
  readonly cases: Readonly<Record<string, Script>>
}

/** Of long answers only what is asked for is kept: the rest tells about the machine that it was recorded on. */
const kept: ReadonlyArray<readonly [RegExp, ReadonlyArray<string>]> = [
  [
    /^GET \/info$/,
    [
      "ServerVersion",
      "OperatingSystem",
      "KernelVersion",
      "CgroupVersion",
      "SecurityOptions",
      "Runtimes",
      "DockerRootDir",
    ],
  ],
  [/^GET \/version$/, ["Version", "ApiVersion"]],
  [/^GET \/containers\/.*\/json$/, ["Id", "Name", "State", "NetworkSettings", "message"]],
  [/^GET \/images\/.*\/json$/, ["Id", "RepoTags", "RepoDigests", "Size", "Config", "message"]],
]

const trimmed = (what: string, body: unknown): unknown => {
  const names = kept.find(([which]) => which.test(what))?.[1]
  if (names === undefined || typeof body !== "object" || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => names.includes(name)))
}

const pieces = (body: Buffer): ReadonlyArray<string> => {
  const all: Array<string> = []
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf("\r\n", at)
    const length = Number.parseInt(body.subarray(at, end).toString(), 16)
    if (!(length > 0)) break
    all.push(body.subarray(end + 2, end + 2 + length).toString())
    at = end + 2 + length + 2
  }
  return all
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** An answer as it came over the wire. */
const answerOf = (what: string, bytes: Buffer): Answer => {
  const end = bytes.indexOf("\r\n\r\n")
  const head = bytes.subarray(0, end).toString()
  const rest = bytes.subarray(end + 4)
  const status = Number(head.split(" ")[1])
  if (status === 101) return { output: rest.toString("base64"), end: "whole" }
  const chunked = /transfer-encoding: chunked/i.test(head)
  if (chunked && what === "POST /images/create") return { pieces: pieces(rest), end: "whole" }
  return { status, body: trimmed(what, parsed(chunked ? pieces(rest).join("") : rest.toString())) }
}

/** A proxy before a daemon's socket that keeps what it answers. */
export const recorder = (socketPath: string, at: string) => {
  const answers = new Map<string, Array<Answer>>()
  const relay = (client: Socket) => {
    let bytes = Buffer.alloc(0)
    let daemon: Socket | null = null
    client.on("error", () => undefined)
    client.on("end", () => daemon?.end())
    client.on("close", () => daemon?.destroy())
    client.on("data", (more) => {
      if (daemon !== null) {
        daemon.write(more)
        return
      }
      bytes = Buffer.concat([bytes, Buffer.from(more)])
      const request = readRequest(bytes)
      if (request === null) return
      const list = answers.get(request.what) ?? []
      answers.set(request.what, list)
      const place = list.push("hang") - 1
      const got: Array<Buffer> = []
      daemon = connect({ path: socketPath, allowHalfOpen: true })
      const end = bytes.indexOf("\r\n\r\n")
      const head = bytes.subarray(0, end).toString()
      const upgrades = request.headers["upgrade"] !== undefined
      daemon.write(upgrades ? head : `${head.replace(/\r\nconnection:[^\r]*/i, "")}\r\nConnection: close`)
      daemon.write(bytes.subarray(end))
      daemon.on("data", (piece) => {
        got.push(Buffer.from(piece))
        list[place] = answerOf(request.what, Buffer.concat(got))
        client.write(piece)
      })
      daemon.on("error", () => client.destroy())
      daemon.on("end", () => client.end())
    })
  }
  const server = createServer({ allowHalfOpen: true }, relay)
  return {
    listen: () => new Promise<void>((resolve) => server.listen(at, resolve)),
    /** What was answered since the last call. */
    take: (): Script => {
      const script = Object.fromEntries(answers)
      answers.clear()
      return script
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
