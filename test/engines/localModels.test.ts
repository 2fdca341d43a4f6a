import { afterAll, describe, expect } from "bun:test"
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import * as LocalModels from "../../src/engines/localModels.ts"
import { Models } from "../../src/engines/Models.ts"
import { live } from "../lib/effect.ts"
import { experiment } from "../store/samples.ts"
import { syntheticModel } from "./server.ts"

const folder = mkdtempSync(join(tmpdir(), "llem-local-models-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const resolve = (model: string, places: LocalModels.ModelPlaces) =>
  Models.use((models) => models.resolve(experiment({ model }))).pipe(Effect.provide(LocalModels.layer(places)))

describe("models of this node", () => {
  live("a relative path starts at the study file's folder, an absolute one does not", () =>
    Effect.gen(function* () {
      const study = join(folder, "study")
      mkdirSync(join(study, "models"), { recursive: true })
      const absolute = syntheticModel()
      copyFileSync(absolute, join(study, "models/m.gguf"))
      const places = {
        baseDirectory: study,
        cacheDirectories: [join(folder, "cache")],
        hubDirectory: join(folder, "hub"),
      }
      const relative = yield* resolve("./models/m.gguf", places)
      expect(existsSync(relative.path)).toBe(true)
      expect(relative.path).toStartWith(study)
      const other = yield* resolve(absolute, places)
      expect(other.path).toBe(absolute)
      expect(other.sha256).toBe(relative.sha256)
      const missing = yield* Effect.flip(resolve("./models/m.gguf", { ...places, baseDirectory: folder }))
      expect(missing).toMatchObject({ _tag: "EngineError", reason: "model" })
    }),
  )

  live("a synthetic model goes to the first cache folder that can be written", () =>
    Effect.gen(function* () {
      // A file where a folder should be: nobody can write there, not even root.
      const blocked = join(folder, "blocked")
      writeFileSync(blocked, "")
      const good = join(folder, "good")
      const places = { baseDirectory: folder, cacheDirectories: [blocked, good], hubDirectory: join(folder, "hub") }
      const { path } = yield* resolve("synthetic:15m", places)
      expect(path).toStartWith(good)
      const none = yield* Effect.flip(resolve("synthetic:15m", { ...places, cacheDirectories: [blocked] }))
      expect(none.message).toContain("could not be generated")
    }),
  )
})
