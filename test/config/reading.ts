import { Result } from "effect"
import * as Combinations from "../../src/config/Combinations.ts"
import type { ConfigError, Problem } from "../../src/config/ConfigError.ts"
import * as Decode from "../../src/config/Decode.ts"
import * as Document from "../../src/config/Document.ts"
import type { Override } from "../../src/config/Override.ts"
import * as Source from "../../src/config/Source.ts"
import type { StudySpec } from "../../src/domain/Study.ts"

/** One file of a study as bytes or text, read as the command line reads it. */
export const read = (file: string | Uint8Array, path = "study.yaml"): Result.Result<Document.Document, ConfigError> => {
  const source = Source.fromBytes(path, typeof file === "string" ? new TextEncoder().encode(file) : file)
  return Result.isFailure(source) ? Result.fail(source.failure) : Document.parse(source.success)
}

/** The data of a file that must be readable. */
export const documentOf = (file: string, path = "study.yaml"): Document.Document => Result.getOrThrow(read(file, path))

export interface More {
  readonly base?: string
  readonly overrides?: ReadonlyArray<Override>
}

/** A study decoded from its text and, where there is one, the text of its base. */
export const decode = (file: string, more: More = {}): Result.Result<StudySpec, ConfigError> =>
  Decode.decode({
    documents: [documentOf(file), ...(more.base === undefined ? [] : [documentOf(more.base, "base.yaml")])],
    overrides: more.overrides ?? [],
    defaultName: "study",
  })

/** A study decoded and expanded. */
export const expand = (file: string, more: More = {}) => Combinations.collect(Result.getOrThrow(decode(file, more)))

/** All that is wrong; nothing where it succeeded. */
export const problems = <A>(result: Result.Result<A, ConfigError>): ReadonlyArray<Problem> =>
  Result.isFailure(result) ? result.failure.problems : []

/** Place, path and message of each problem, as one line. */
export const told = <A>(result: Result.Result<A, ConfigError>): ReadonlyArray<string> =>
  problems(result).map(({ file, line, column, path, message }) =>
    [...(file === null ? [] : [`${file}:${line}:${column}`]), ...(path === "" ? [] : [path]), message].join(" "),
  )
