import { Result } from "effect"
import { ConfigError, problem } from "./ConfigError.ts"
import type { Document } from "./Document.ts"

/** The `base:` of a document as it is written; null when it has none. */
export const written = (document: Document): string | null => {
  const base = document.value["base"]
  return typeof base === "string" && base !== "" ? base : null
}

/** What the file system says of a base file. */
export interface BaseFacts {
  readonly document: Document
  readonly written: string
  /** The path as it was put together, symbolic links not followed. */
  readonly path: string
  /** Where it really is. */
  readonly realPath: string
  /** The folder of the file that names it: as it was put together, and where it really is. */
  readonly folder: string
  readonly realFolder: string
  /** Real paths of the files that led here, the study file first. */
  readonly chain: ReadonlyArray<string>
}

const inside = (path: string, folder: string): boolean => path.startsWith(folder.endsWith("/") ? folder : `${folder}/`)

/**
 * Whether a base file may be used. A base that leads back to a file before it is a loop. A base that is written inside
 * the folder of its file but really lies elsewhere has escaped through a symbolic link; `../shared.yaml` says openly
 * where it goes and is allowed.
 */
export const judge = (facts: BaseFacts): Result.Result<void, ConfigError> => {
  const refuse = (message: string) =>
    Result.fail(
      new ConfigError({
        problems: [problem(message, { path: "base", found: facts.written, ...facts.document.valueAt(["base"]) })],
      }),
    )
  if (facts.chain.includes(facts.realPath)) return refuse(`base leads back to ${facts.realPath}: a loop`)
  if (inside(facts.path, facts.folder) && !inside(facts.realPath, facts.realFolder))
    return refuse(`base leads out of the study's folder through a symbolic link, to ${facts.realPath}`)
  return Result.void
}

/** The failure that a base cannot be read, at its place in the file that names it. */
export const unreadable = (document: Document, path: string, why: string): ConfigError =>
  new ConfigError({
    problems: [
      problem(`the base file ${path} cannot be read: ${why}`, {
        path: "base",
        found: written(document),
        ...document.valueAt(["base"]),
      }),
    ],
  })
