import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { Result } from "effect"

const firstBytes = 4 * 1024 * 1024
/** No header is longer: a damaged one must not have its whole file read into memory. */
const longestHeader = 256 * 1024 * 1024

/**
 * Reads a file's header through a parser of prefixes, in as few reads as it takes. Throws the parser's failure, or an
 * error where the file ends before its header or before its last tensor.
 */
export const readHeader = <H extends { readonly expectedBytes: number }, E>(
  path: string,
  parse: (prefix: Uint8Array) => Result.Result<H | "needMore", E>,
): H => {
  const file = openSync(path, "r")
  try {
    const size = fstatSync(file).size
    for (let bytes = Math.min(size, firstBytes); ; bytes = Math.min(size, bytes * 4)) {
      const prefix = new Uint8Array(bytes)
      let have = 0
      while (have < bytes) {
        const read = readSync(file, prefix, have, bytes - have, have)
        if (read === 0) break
        have += read
      }
      const header = Result.getOrThrow(parse(prefix))
      if (header === "needMore") {
        if (bytes >= longestHeader) throw new Error("its header is damaged: it does not end within 256 MiB")
        if (bytes < size) continue
        throw new Error("it ends in the middle of its header")
      }
      if (header.expectedBytes > size)
        throw new Error(`it has ${size} bytes and should have ${header.expectedBytes}: it is truncated`)
      return header
    }
  } finally {
    closeSync(file)
  }
}
