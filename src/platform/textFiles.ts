import { open, stat } from "node:fs/promises"

/** Why a text file could not be read. */
export interface TextProblem {
  readonly code: "missing" | "directory" | "permission" | "encoding" | "line_length" | "io"
  /** Line at which it went wrong, from 1; 0 when it was not opened. */
  readonly line: number
}

const longestLineBytes = 64 * 1024 * 1024

const problemOf = (error: unknown, line: number): TextProblem => {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null
  if (code === "ENOENT" || code === "ENOTDIR") return { code: "missing", line }
  if (code === "EISDIR") return { code: "directory", line }
  if (code === "EACCES" || code === "EPERM") return { code: "permission", line }
  return { code: error instanceof TypeError ? "encoding" : "io", line }
}

/** Whether something of this name is there. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/**
 * Hands the lines of a UTF-8 file to `onLine`, from 1, until it returns false: a file of any size is read only as far
 * as it is needed. Gives null when all went well. Never rejects.
 */
export const readLines = async (
  path: string,
  onLine: (line: string, number: number) => boolean,
): Promise<TextProblem | null> => {
  let line = 0
  try {
    if ((await stat(path)).isDirectory()) return { code: "directory", line }
    await using file = await open(path, "r")
    const decoder = new TextDecoder("utf-8", { fatal: true })
    const buffer = new Uint8Array(64 * 1024)
    let rest = ""
    while (true) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length)
      rest += decoder.decode(buffer.subarray(0, bytesRead), { stream: bytesRead > 0 })
      const lines = rest.split("\n")
      rest = bytesRead > 0 ? (lines.pop() ?? "") : ""
      for (const text of lines) {
        line += 1
        if (!onLine(text.endsWith("\r") ? text.slice(0, -1) : text, line)) return null
      }
      if (bytesRead === 0) return null
      if (rest.length > longestLineBytes) return { code: "line_length", line: line + 1 }
    }
  } catch (error) {
    return problemOf(error, line + 1)
  }
}
