import { Result } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { Engine, ResolvedModel } from "../../src/engines/Engine.ts"
import { experiment as sample } from "../store/samples.ts"

/** A model in Hugging Face's format. */
export const folder: ResolvedModel = {
  path: "/models/m",
  engineFolders: [],
  sizeBytes: 1,
  sha256: null,
  weights: null,
}

/** How long the answers are that requests ask for. */
export const outputTokens = 16

/** What an engine makes of experiments that differ from one of its own in some fields. */
export const described = (engine: Engine, model: ResolvedModel, own: Partial<Experiment> = {}) => {
  const experiment = (over: Partial<Experiment> = {}): Experiment =>
    sample({ backend: engine.backend, ...own, ...over })
  const launched = (over: Partial<Experiment> = {}) => Result.getOrThrow(engine.launch(experiment(over), model))
  return {
    experiment,
    launched,
    fields: (over: Partial<Experiment>) => engine.unsupported(experiment(over)).map(({ field }) => field),
    argv: (over: Partial<Experiment> = {}) => launched(over).argv.join(" "),
    body: (over: Partial<Experiment>, prompt: ReadonlyArray<number> | string = [1, 2]) =>
      JSON.parse(
        engine.encode(experiment(over), launched(over), { id: 3, prompt, maxOutputTokens: outputTokens }).body,
      ),
  }
}
