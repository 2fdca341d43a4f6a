import { writeSync } from "node:fs"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

/**
 * Writes a whole text to standard output, waiting for a slow reader. False when the reader has gone, as with
 * `llem plan x.yaml | head`; then there is nobody to tell.
 */
export const write = (text: string): boolean => {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (cause) {
      const code = codeOf(cause)
      if (code !== "EAGAIN" && code !== "EINTR") return false
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
  return true
}
