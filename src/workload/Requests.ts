import type { EncodedRequest } from "../engines/Engine.ts"
import type { Endpoint } from "../executors/EngineHost.ts"

const utf8 = new TextEncoder()

const hostHeader = (endpoint: Endpoint): string => {
  if (endpoint.kind === "unix") return "localhost"
  return `${endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`
}

/** The bytes of one POST on a connection that is kept alive. A header given by the engine wins over ours. */
export const toBytes = (endpoint: Endpoint, request: EncodedRequest): Uint8Array => {
  const body = utf8.encode(request.body)
  const headers = new Map([
    ["host", hostHeader(endpoint)],
    ["content-type", "application/json"],
    ["accept", "text/event-stream, application/json"],
    ["accept-encoding", "identity"],
    ["connection", "keep-alive"],
  ])
  for (const [name, value] of Object.entries(request.headers))
    headers.set(name.toLowerCase(), value.replace(/[\r\n]+/g, " ").trim())
  headers.set("content-length", String(body.length))
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("")
  const head = utf8.encode(`POST ${request.path} HTTP/1.1\r\n${lines}\r\n`)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}
