import { Schema } from "effect"

/** One thing that is wrong in a file or on the command line. Lines and columns count from 1. */
export const Problem = Schema.Struct({
  file: Schema.NullOr(Schema.String),
  line: Schema.NullOr(Schema.Int),
  column: Schema.NullOr(Schema.Int),
  /** Dotted path of the field, e.g. `warmup.thermal_floor_seconds`; empty for the file as a whole. */
  path: Schema.String,
  message: Schema.String,
  /** The value that was found, as a person writes it. */
  found: Schema.NullOr(Schema.String),
  allowed: Schema.Array(Schema.String),
  nearest: Schema.NullOr(Schema.String),
  sourceLine: Schema.NullOr(Schema.String),
})
export type Problem = typeof Problem.Type

/** Everything that is wrong with a configuration, all at once (exit code 2). */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  problems: Schema.Array(Problem),
}) {
  override get message(): string {
    return render(this)
  }
}

const where = (problem: Problem): string => {
  if (problem.file === null) return ""
  return problem.line === null ? `${problem.file}: ` : `${problem.file}:${problem.line}:${problem.column ?? 1}: `
}

const sentence = (problem: Problem): string => {
  const path = problem.path === "" ? "" : `${problem.path.replaceAll(".", " -> ")}: `
  const found = problem.found === null ? "" : ` (found ${problem.found})`
  return `${where(problem)}${path}${problem.message}${found}`
}

const hint = ({ nearest, allowed, message }: Problem): ReadonlyArray<string> =>
  nearest === null && !allowed.every((one) => message.includes(one)) ? [`    allowed: ${allowed.join(", ")}`] : []

const visible = (line: string): string => line.replaceAll("\t", " ")

/** The source line with a caret under the place; long lines are cut around it. */
const excerpt = (problem: Problem): ReadonlyArray<string> => {
  if (problem.sourceLine === null || problem.line === null) return []
  const column = problem.column ?? 1
  const start = Math.max(0, column - 80)
  const shown = visible(problem.sourceLine).slice(start, start + 120)
  const gutter = `${problem.line} | `
  return [`    ${gutter}${shown}`, `    ${" ".repeat(gutter.length + column - 1 - start)}^`]
}

/** The error as text for a person: every problem with its place, what is allowed, the source line and a caret. */
export const render = (error: ConfigError): string => {
  const count = error.problems.length
  const head = `Config validation failed (${count} ${count === 1 ? "error" : "errors"}):`
  return [head, ...error.problems.flatMap((one) => [`  ${sentence(one)}`, ...hint(one), ...excerpt(one)])].join("\n")
}

/** Problems in the order in which their places stand in the files given; those without a file first. */
export const inOrder = (problems: ReadonlyArray<Problem>, files: ReadonlyArray<string>): ReadonlyArray<Problem> => {
  const rank = ({ file, line, column }: Problem): ReadonlyArray<number> => [
    file === null ? -1 : files.indexOf(file),
    line ?? 0,
    column ?? 0,
  ]
  return problems.toSorted((left, right) => {
    const [a, b] = [rank(left), rank(right)]
    return a.map((value, index) => value - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0
  })
}

/** A problem without a place in a file. */
export const problem = (message: string, more: Partial<Problem> = {}): Problem => ({
  file: null,
  line: null,
  column: null,
  path: "",
  message,
  found: null,
  allowed: [],
  nearest: null,
  sourceLine: null,
  ...more,
})
