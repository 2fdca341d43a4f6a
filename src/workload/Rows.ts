import { Result } from "effect"
import { DatasetProblem, type Row } from "./Prompts.ts"

const allowed = 'One JSON object a line with a non-empty string "prompt" or "text" (and, if wished, "source").'

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const found = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** One line of a JSONL file of prompts; null for an empty line. `row` counts from 1. */
export const decode = (file: string, row: number, line: string): Result.Result<Row | null, DatasetProblem> => {
  const bad = (field: string | null, what: string) =>
    Result.fail(new DatasetProblem({ file, row, field, message: `${file}, line ${row}: ${what}`, fix: allowed }))
  if (line.trim() === "") return Result.succeed(null)
  const value = parse(line)
  if (value === undefined) return bad(null, `not JSON: ${found(line)}`)
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return bad(null, `an object is expected, found ${found(value)}`)
  const field = "prompt" in value ? "prompt" : "text" in value ? "text" : null
  if (field === null) return bad("prompt", `neither "prompt" nor "text" in ${found(value)}`)
  const text: unknown = Reflect.get(value, field)
  if (typeof text !== "string" || text === "")
    return bad(field, `"${field}" must be a non-empty string, found ${found(text)}`)
  const source: unknown = Reflect.get(value, "source")
  if (source !== undefined && source !== null && typeof source !== "string")
    return bad("source", `"source" must be a string, found ${found(source)}`)
  return Result.succeed({ text, source: source ?? null })
}
