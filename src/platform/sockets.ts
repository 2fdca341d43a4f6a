import { closeSync, openSync } from "node:fs"
import { monotonicSeconds } from "./libc.ts"

/** Where to connect to. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** Bytes of one read; `atSeconds` is the monotonic clock at that read. The bytes are the receiver's to keep. */
  readonly onData: (bytes: Uint8Array, atSeconds: number) => void
  /** Once, when the connection is over: null after an orderly end by the peer, else the system's error code. */
  readonly onClose: (code: string | null, atSeconds: number) => void
}

/** A connection that is established. */
export interface Connection {
  /** Sends all bytes, in the background where the kernel's buffer is full. */
  readonly write: (bytes: Uint8Array) => void
  readonly open: () => boolean
  /** Ends the connection at once; `onClose` is not called any more. */
  readonly close: () => void
}

/** A connection that could not be made: the system's code, e.g. ECONNREFUSED. */
export interface ConnectFailure {
  readonly code: string
  readonly message: string
}

const codeOf = (error: unknown): string => {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string")
    return error.code
  return "UNKNOWN"
}

/** Bun reports a used-up limit of open files as a refused connection; this tells the two apart. */
const outOfFiles = (): string | null => {
  try {
    closeSync(openSync("/dev/null", "r"))
    return null
  } catch (error) {
    return codeOf(error)
  }
}

const describe = (address: Address): string =>
  address.kind === "tcp" ? `${address.host}:${address.port}` : address.path

/** Connects; gives the connection or why there is none. Never rejects. */
export const connect = async (address: Address, events: ConnectionEvents): Promise<Connection | ConnectFailure> => {
  let open = true
  let silent = false
  let unsent: Uint8Array | null = null
  const closed = (code: string | null): void => {
    if (!open) return
    open = false
    if (!silent) events.onClose(code, monotonicSeconds())
  }
  const socket = {
    binaryType: "uint8array" as const,
    data: (_: Bun.Socket, bytes: Uint8Array) => {
      const now = monotonicSeconds()
      if (open) events.onData(bytes, now)
    },
    drain: (from: Bun.Socket) => {
      if (unsent === null) return
      const rest = unsent.subarray(Math.max(0, from.write(unsent)))
      unsent = rest.length === 0 ? null : rest
    },
    close: (_: Bun.Socket, error?: Error) => closed(error === undefined ? null : codeOf(error)),
    error: (_: Bun.Socket, error: Error) => closed(codeOf(error)),
    connectError: () => {},
  }
  try {
    const made =
      address.kind === "tcp"
        ? await Bun.connect({ hostname: address.host, port: address.port, socket })
        : await Bun.connect({ unix: address.path, socket })
    return {
      write: (bytes) => {
        if (unsent !== null) {
          const all: Uint8Array = new Uint8Array(unsent.length + bytes.length)
          all.set(unsent)
          all.set(bytes, unsent.length)
          unsent = all
          return
        }
        const written = Math.max(0, made.write(bytes))
        if (written < bytes.length) unsent = bytes.subarray(written)
      },
      open: () => open,
      close: () => {
        silent = true
        open = false
        made.terminate()
      },
    }
  } catch (error) {
    const code = outOfFiles() ?? codeOf(error)
    return { code, message: `Cannot connect to ${describe(address)} (${code})` }
  }
}
