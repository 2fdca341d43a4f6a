import { Effect } from "effect"
import type { Plan } from "../domain/Plan.ts"
import { ggufOf } from "../engines/embedded/engine.ts"
import * as ConfigFiles from "../platform/configFiles.ts"
import * as ModelFiles from "../platform/modelFiles.ts"
import type { Settings } from "./Settings.ts"

/** Files that a plan's experiments name, by their paths as written: GGUF models and prompt files. */
const namedFiles = (plan: Plan): ReadonlyArray<string> => {
  const names = plan.cells.flatMap(({ experiment: { model, dataset } }) => [
    ggufOf(model),
    typeof dataset === "string" && /\.jsonl?$/i.test(dataset) ? dataset : null,
  ])
  return [...new Set(names)].filter((name) => name !== null).filter((name) => !name.startsWith("synthetic:"))
}

/** sha256 of the files that the experiments name, by path as written; what cannot be read is left to its own cell. */
export const hashes = Effect.fn("contents.hashes")(function* (plan: Plan, baseDirectory: string, settings: Settings) {
  const cache = settings.cacheDirectories[0] ?? baseDirectory
  const hashed = yield* Effect.forEach(namedFiles(plan), (name) =>
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
