import { writeSync } from "node:fs"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

/** Standard output took no more, though somebody wanted it: its disk is full, or it was closed. */
export class OutputLost extends Error {
  constructor(code: string) {
    super(`standard output cannot be written (${code})`)
  }
}

/**
 * Writes a whole text to standard output, waiting for a slow reader. False when the reader has gone, as with
 * `llem plan x.yaml | head`; then there is nobody to tell. Throws OutputLost when it cannot be written.
 */
export const write = (text: string): boolean => {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (cause) {
      const code = codeOf(cause)
      if (code === "EPIPE") return false
      if (code !== "EAGAIN" && code !== "EINTR") throw new OutputLost(code)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
  return true
}
