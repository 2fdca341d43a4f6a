import { connect, type Socket } from "node:net"
import type { RunningServer } from "./server.ts"

/** An open connection to a server, with what came back so far. */
export interface Connection {
  readonly socket: Socket
  readonly received: () => string
  /** Settles when the server has closed it, or when what came back ends as it should. */
  readonly until: (end: string) => Promise<string>
  readonly close: () => void
}

/** Opens a connection and writes bytes as they are. */
export const open = async (server: RunningServer, bytes: string | Uint8Array = ""): Promise<Connection> => {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  let received = ""
  socket.on("data", (data) => {
    received += data.toString()
  })
  socket.on("error", () => {})
  const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()))
  await Promise.race([new Promise<void>((resolve) => void socket.once("connect", () => resolve())), closed])
  if (bytes.length > 0) socket.write(bytes)
  return {
    socket,
    received: () => received,
    until: (end) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.includes(end)) resolve(received)
        }
        socket.on("data", look)
        look()
        void closed.then(() => resolve(received))
      }),
    close: () => void socket.destroy(),
  }
}

/** A completion request as it goes over the wire. */
export const requestOf = (body: unknown): string => {
  const text = JSON.stringify(body)
  return `POST /v1/completions HTTP/1.1\r\nhost: h\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
