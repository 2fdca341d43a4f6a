import { Effect } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import { EngineError } from "../domain/Failure.ts"
import { reasonOf } from "../domain/Unknown.ts"
import { under } from "../platform/configFiles.ts"
import * as Folder from "../platform/modelFolder.ts"
import type { ResolvedModel } from "./Engine.ts"
import { cacheName, hfOf, isHubId, revisionOf } from "./HfModel.ts"
import * as HfWeights from "./HfWeights.ts"

/** Where models in Hugging Face's format are looked for. */
export interface HfPlaces {
  /** Relative paths are relative to this folder: that of the study file. */
  readonly baseDirectory: string
  /** The hub's own cache of this user. */
  readonly hubDirectory: string
}

/** A model's folder, and the folder that holds all that its links lead to. */
export interface Located {
  readonly path: string
  readonly folder: string
}

/** Why a model is not here, and how to bring it. */
export interface Missing {
  readonly problem: string
  readonly fix: string
}

/** The newest snapshot of a hub model in the cache, or that of a revision. */
const inCache = async (id: string, revision: string | null, hub: string): Promise<Located | null> => {
  const folder = `${hub}/${cacheName(id)}`
  const wanted = revision ?? "main"
  const commit = (await Folder.textOf(folder, `refs/${wanted}`))?.trim() ?? revision
  if (commit === null || !/^[\w.-]+$/.test(commit)) return null
  const path = `${folder}/snapshots/${commit}`
  const files = await Folder.filesOf(path)
  // A download that was broken off leaves links without their files.
  return files?.some(({ name }) => name === "config.json") ? { path, folder } : null
}

/**
 * Where a model is on this node: a folder of the study's or an absolute one, else a snapshot in the hub's cache.
 * Nothing is downloaded.
 */
export const locate = async (experiment: Experiment, places: HfPlaces): Promise<Located | Missing> => {
  const name = hfOf(experiment.model)
  if (name === null)
    return { problem: "it is not in Hugging Face's format", fix: "Name a folder, or OWNER/NAME, as model or model.hf." }
  const path = under(places.baseDirectory, name)
  if ((await Folder.filesOf(path)) !== null) return { path, folder: path }
  if (!isHubId(name))
    return {
      problem: `there is no folder ${path}`,
      fix: "Check the path; relative paths start at the study file's folder.",
    }
  const revision = revisionOf(experiment)
  const cached = await inCache(name, revision, places.hubDirectory)
  if (cached !== null) return cached
  const which = revision === null ? "" : ` --revision ${revision}`
  return {
    problem: `it is neither a folder ${path} nor whole in the cache ${places.hubDirectory}`,
    fix: `Engines download nothing while llem measures; fetch it first: hf download ${name}${which}`,
  }
}

const modelError = (model: Experiment["model"], { problem, fix }: Missing): EngineError => {
  const name = typeof model === "string" ? model : (model.hf ?? JSON.stringify(model))
  return new EngineError({
    reason: "model",
    message: `The model ${name} cannot be used: ${problem}`,
    fix,
    details: { model: name },
  })
}

const wholeFix = "Check that the folder is a whole model in Hugging Face's format: config.json and weights."

/** The files of the weights; some models have the same ones again under other names. */
const weightFiles = (files: ReadonlyArray<Folder.FolderFile>): ReadonlyArray<Folder.FolderFile> => {
  const all = files.filter(({ name }) => name.endsWith(".safetensors"))
  const usual = all.filter(({ name }) => name.startsWith("model"))
  return usual.length === 0 ? all : usual
}

/** A model of Hugging Face's format, with the shape of its weights where its safetensors files tell. */
export const resolve = Effect.fn("hfModels.resolve")(function* (
  experiment: Experiment,
  places: HfPlaces,
): Effect.fn.Return<Omit<ResolvedModel, "engineFolders">, EngineError> {
  const attempt = <A>(run: () => Promise<A>) =>
    Effect.tryPromise({
      try: run,
      catch: (cause) =>
        modelError(experiment.model, {
          problem: reasonOf(cause),
          fix: wholeFix,
        }),
    })
  const found = yield* attempt(() => locate(experiment, places))
  if ("problem" in found) return yield* modelError(experiment.model, found)
  const { path, folder } = found
  const files = (yield* attempt(() => Folder.filesOf(path))) ?? []
  const text = yield* attempt(() => Folder.textOf(path, "config.json"))
  const shape = text === null ? null : HfWeights.config(text)
  if (shape === null)
    return yield* modelError(experiment.model, { problem: `${path} has no readable config.json`, fix: wholeFix })
  const shards = weightFiles(files)
  const headers = yield* attempt(() => Promise.all(shards.map(({ name }) => Folder.safetensorsHeader(path, name))))
  const vocabularySize = HfWeights.vocabularySize(shape)
  return {
    path,
    folder,
    sizeBytes: files.reduce((sum, { size }) => sum + size, 0),
    sha256: null,
    weights: HfWeights.weights(hfOf(experiment.model) ?? path, experiment, shape, headers),
    ...(vocabularySize === null ? {} : { vocabularySize }),
  }
})
