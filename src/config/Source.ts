import { Result } from "effect"
import { ConfigError, problem } from "./ConfigError.ts"

/** A file's text, with the name that messages give it. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** No study file that a person writes comes near this size. */
export const maximumBytes = 4 * 1024 * 1024

const fail = (path: string, message: string): Result.Result<never, ConfigError> =>
  Result.fail(new ConfigError({ problems: [problem(message, { file: path })] }))

const isText = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

/** Where the bytes stop being UTF-8: line and column from 1. */
const badPlace = (bytes: Uint8Array): { readonly line: number; readonly column: number } => {
  let good = 0
  let bad = bytes.length
  while (good + 1 < bad) {
    const middle = (good + bad) >> 1
    if (isText(bytes.subarray(0, middle))) good = middle
    else bad = middle
  }
  const lines = new TextDecoder("utf-8").decode(bytes.subarray(0, good), { stream: true }).split("\n")
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

/** The text of a configuration file: UTF-8, of a sensible size, and not empty. */
export const fromBytes = (path: string, bytes: Uint8Array): Result.Result<SourceFile, ConfigError> => {
  if (bytes.length > maximumBytes)
    return fail(path, `the file has ${bytes.length} bytes; a configuration may have ${maximumBytes}`)
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    const place = badPlace(bytes)
    return Result.fail(new ConfigError({ problems: [problem("the file is not UTF-8 text", { file: path, ...place })] }))
  }
  return text.trim() === "" ? fail(path, "the file is empty") : Result.succeed({ path, text })
}
