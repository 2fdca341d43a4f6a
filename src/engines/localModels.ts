import { Effect, Layer } from "effect"
import { EngineError } from "../domain/Failure.ts"
import { reasonOf } from "../domain/Unknown.ts"
import { under } from "../platform/configFiles.ts"
import { readHeader } from "../platform/ggufFile.ts"
import * as Files from "../platform/modelFiles.ts"
import type { ResolvedModel } from "./Engine.ts"
import * as Gguf from "./embedded/Gguf.ts"
import * as Synthetic from "./embedded/Synthetic.ts"
import { parse, type SyntheticModel } from "./embedded/SyntheticShape.ts"
import { ggufOf } from "./GgufModel.ts"
import { ofFolders } from "./HfModel.ts"
import * as hfModels from "./hfModels.ts"
import { Models } from "./Models.ts"

/** Where models are looked for and what is derived from them is kept. */
export interface ModelPlaces {
  /** Relative paths are relative to this folder: that of the study file. */
  readonly baseDirectory: string
  /** Folders for generated models and unpacked libraries, best first; the first that can be written is used. */
  readonly cacheDirectories: ReadonlyArray<string>
  /** The Hugging Face hub's own cache of this user. */
  readonly hubDirectory: string
}

const modelError = (model: string, problem: string, fix: string): EngineError =>
  new EngineError({
    reason: "model",
    message: `The model ${model} cannot be used: ${problem}`,
    fix,
    details: { model },
  })

const attempt = <A>(model: string, fix: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => modelError(model, reasonOf(cause), fix) })

const absolute = (path: string, places: ModelPlaces): string => under(places.baseDirectory, path)

const fileFix = "Check the path (relative paths start at the study file's folder) and that the file is a whole GGUF."

const fromFile = Effect.fnUntraced(function* (name: string, path: string, places: ModelPlaces) {
  const found = yield* attempt(name, fileFix, () => Files.identify(path))
  if (found === null) return yield* modelError(name, `there is no file ${path}`, fileFix)
  if (!found.isFile) return yield* modelError(name, `${path} is not a file`, fileFix)
  const header = yield* attempt(name, fileFix, async () => readHeader(path, Gguf.parse))
  const cache = places.cacheDirectories[0] ?? places.baseDirectory
  const sha256 = yield* attempt(name, fileFix, () => Files.contentHash(path, found, cache))
  const resolved: ResolvedModel = {
    path,
    engineFolders: places.cacheDirectories,
    sizeBytes: found.size,
    sha256,
    weights: Gguf.weights(header),
  }
  return resolved
})

const generate = Effect.fnUntraced(function* (model: SyntheticModel, places: ModelPlaces) {
  const fix = "Give LLEM_CACHE_DIR a folder that can be written and has room for the model."
  const fileName = `${model.shape.name}-${model.quantisation.toLowerCase()}.gguf`
  const problems: Array<string> = []
  for (const folder of places.cacheDirectories) {
    const path = `${folder}/models/${fileName}`
    const made = yield* Effect.result(attempt(model.name, fix, () => Files.writeOnce(path, Synthetic.chunks(model))))
    if (made._tag === "Success") return path
    problems.push(made.failure.message)
  }
  return yield* modelError(model.name, `it could not be generated: ${problems.join("; ")}`, fix)
})

/** Models from files and folders of this node and, for `synthetic:` names, generated once into the cache. */
export const layer = (places: ModelPlaces) =>
  Layer.succeed(
    Models,
    Models.of({
      resolve: Effect.fn("Models.resolve")(function* (experiment) {
        if (ofFolders.includes(experiment.backend))
          return { ...(yield* hfModels.resolve(experiment, places)), engineFolders: places.cacheDirectories }
        const name = ggufOf(experiment.model)
        if (name === null)
          return yield* modelError(
            JSON.stringify(experiment.model),
            "it is not a GGUF file",
            "Name a GGUF file: model: PATH.gguf, or model: {gguf: PATH}.",
          )
        const synthetic = parse(name)
        if (synthetic === null) return yield* fromFile(name, absolute(name, places), places)
        const path = yield* generate(synthetic, places)
        // A generated file that was damaged since can simply be made again.
        return yield* fromFile(name, path, places).pipe(
          Effect.catch(() =>
            Effect.promise(() => Files.remove(path)).pipe(
              Effect.andThen(generate(synthetic, places)),
              Effect.flatMap((again) => fromFile(name, again, places)),
            ),
          ),
        )
      }),
    }),
  )
