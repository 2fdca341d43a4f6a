import { Effect } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { Finding } from "../domain/Notice.ts"
import type { Plan } from "../domain/Plan.ts"
import * as Engines from "../engines/Engines.ts"
import { ggufOf } from "../engines/GgufModel.ts"
import { hfOf, ofFolders, revisionOf } from "../engines/HfModel.ts"
import * as hfModels from "../engines/hfModels.ts"
import * as ConfigFiles from "../platform/configFiles.ts"
import * as ModelFiles from "../platform/modelFiles.ts"
import { isFileName } from "../workload/fileDatasets.ts"
import type { Settings } from "./Settings.ts"

/** Files that an experiment names for its engine by absolute paths, beside its model. */
export const engineFiles = (experiment: Experiment): ReadonlyArray<string> =>
  Engines.byBackend(experiment.backend)?.files(experiment) ?? []

/** Files that experiments name, by their paths as written: GGUF models, prompt files, and what engines read beside. */
export const namedFiles = (experiments: ReadonlyArray<Experiment>): ReadonlyArray<string> => {
  const names = experiments.flatMap((experiment) => {
    const { model, dataset, backend } = experiment
    return [
      backend === "embedded" || backend === "llamacpp" ? ggufOf(model) : null,
      typeof dataset === "string" && isFileName(dataset) ? dataset : null,
      ...engineFiles(experiment),
    ]
  })
  return [...new Set(names)].filter((name) => name !== null).filter((name) => !name.startsWith("synthetic:"))
}

/** sha256 of the files that the experiments name, by path as written; what cannot be read is left to its own cell. */
export const hashes = Effect.fn("contents.hashes")(function* (plan: Plan, baseDirectory: string, settings: Settings) {
  const cache = settings.cacheDirectories[0] ?? baseDirectory
  const hashed = yield* Effect.forEach(namedFiles(plan.cells.map(({ experiment }) => experiment)), (name) =>
    Effect.promise(async () => {
      const path = ConfigFiles.under(baseDirectory, name)
      const found = await ModelFiles.identify(path).catch(() => null)
      if (found === null || !found.isFile) return null
      return [name, await ModelFiles.contentHash(path, found, cache).catch(() => null)] as const
    }),
  )
  return Object.fromEntries(
    hashed.flatMap((one) => (one === null || one[1] === null ? [] : [[one[0], one[1]] as const])),
  )
})

const missingFile = (path: string): Finding => ({
  code: "file_missing",
  message: `There is no file ${path}: the cells that need it will fail.`,
  fix: "Put it there, or correct its path; relative paths start at the study file's folder.",
  blocking: false,
})

/** A model that an engine would load from a folder or the hub's cache, and cannot; null where there is none to find. */
const missingModel = async (experiment: Experiment, places: hfModels.HfPlaces): Promise<Finding | null> => {
  const { backend, model } = experiment
  const name = hfOf(model)
  if (name === null || !ofFolders.includes(backend)) return null
  const found = await hfModels.locate(experiment, places).catch(() => null)
  return found === null || !("problem" in found)
    ? null
    : {
        code: "model_missing",
        message: `The model ${name} is not here: ${found.problem}. The cells that need it will fail.`,
        fix: found.fix,
        blocking: false,
      }
}

/** Files and models that experiments name and that are not there: a finding each, though the other cells can run. */
export const missing = Effect.fn("contents.missing")(function* (
  experiments: ReadonlyArray<Experiment>,
  places: hfModels.HfPlaces,
): Effect.fn.Return<ReadonlyArray<Finding>> {
  const found = yield* Effect.forEach(namedFiles(experiments), (name) => {
    const path = ConfigFiles.under(places.baseDirectory, name)
    return Effect.map(
      Effect.promise(() => ConfigFiles.exists(path)),
      (there) => (there ? [] : [missingFile(path)]),
    )
  })
  const different = Map.groupBy(experiments, (one) => JSON.stringify([hfOf(one.model), revisionOf(one), one.backend]))
  const models = yield* Effect.forEach([...different.values()], ([one]) =>
    Effect.promise(async () => (one === undefined ? null : await missingModel(one, places))),
  )
  const byText = new Map(models.flatMap((one) => (one === null ? [] : [[one.message, one] as const])))
  return [...found.flat(), ...byText.values()]
})
