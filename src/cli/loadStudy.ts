import { Effect } from "effect"
import * as Base from "../config/Base.ts"
import { ConfigError, problem } from "../config/ConfigError.ts"
import * as Decode from "../config/Decode.ts"
import * as Document from "../config/Document.ts"
import type { Override } from "../config/Override.ts"
import * as Source from "../config/Source.ts"
import * as UserConfig from "../config/UserConfig.ts"
import type { StudySpec } from "../domain/Study.ts"
import * as Files from "../platform/configFiles.ts"
import type { Settings } from "./Settings.ts"

const refuse = (path: string, message: string): ConfigError =>
  new ConfigError({ problems: [problem(message, { file: path })] })

const parse = Effect.fnUntraced(function* (path: string, bytes: Uint8Array) {
  const source = yield* Effect.fromResult(Source.fromBytes(path, bytes))
  return yield* Effect.fromResult(Document.parse(source))
})

/** The study file, its base, the base's base and so on. */
export const loadDocuments = Effect.fnUntraced(function* (path: string) {
  const reading = yield* Effect.promise(() => Files.read(path, Source.maximumBytes))
  if ("problem" in reading)
    return yield* reading.missing
      ? refuse(path, `Config file not found: ${path}`)
      : refuse(path, `the file cannot be read: ${reading.problem}`)
  const documents = [yield* parse(path, reading.bytes)]
  const chain = [yield* Effect.promise(() => Files.real(path))]
  for (let current = documents[0]; current !== undefined; current = documents[chain.length - 1]) {
    const written = Base.written(current)
    if (written === null) break
    const folder = Files.folderOf(current.source.path)
    const basePath = Files.under(folder, written)
    const realPath = yield* Effect.promise(() => Files.real(basePath))
    const realFolder = yield* Effect.promise(() => Files.real(folder))
    yield* Effect.fromResult(
      Base.judge({
        document: current,
        written,
        path: basePath,
        realPath,
        folder: Files.under(folder, "."),
        realFolder,
        chain,
      }),
    )
    const base = yield* Effect.promise(() => Files.read(basePath, Source.maximumBytes))
    if ("problem" in base) return yield* Base.unreadable(current, basePath, base.problem)
    documents.push(yield* parse(basePath, base.bytes))
    chain.push(realPath)
  }
  return documents
})

const nameOf = (path: string): string => (path.split("/").at(-1) ?? "study").replace(/\.(ya?ml|json)$/i, "") || "study"

/** Reads and decodes a study file under its overrides; without a file the overrides describe one experiment. */
export const loadStudy = Effect.fn("loadStudy")(function* (
  file: string | null,
  overridesOf: (documents: ReadonlyArray<Document.Document>) => ReadonlyArray<Override>,
): Effect.fn.Return<StudySpec, ConfigError> {
  const documents = file === null ? [] : yield* loadDocuments(file)
  return yield* Effect.fromResult(
    Decode.decode({
      documents,
      overrides: overridesOf(documents),
      defaultName: file === null ? "experiment" : nameOf(file),
    }),
  )
})

/** The user's own defaults; none where there is no such file. */
export const loadUserConfig = Effect.fn("loadUserConfig")(function* (
  settings: Settings,
): Effect.fn.Return<UserConfig.UserConfig, ConfigError> {
  for (const path of settings.userConfigPaths) {
    const reading = yield* Effect.promise(() => Files.read(path, Source.maximumBytes))
    if ("bytes" in reading) {
      const isBlank =
        new TextDecoder()
          .decode(reading.bytes)
          .replace(/^\s*#.*$/gm, "")
          .trim() === ""
      if (isBlank) return UserConfig.empty
      return yield* Effect.fromResult(UserConfig.decode(yield* parse(path, reading.bytes)))
    }
    if (!reading.missing || settings.userConfigRequired)
      return yield* refuse(path, `the user config cannot be read: ${reading.problem}`)
  }
  return UserConfig.empty
})
