import { Context, type Effect } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { LocalError } from "../domain/Failure.ts"
import type { Workload } from "./Prompts.ts"
import type { Vocabulary } from "./Vocabulary.ts"

/** The part of a resolved model that prompts depend on. */
export interface PromptModel {
  readonly weights: { readonly vocabularySize: number } | null
  /** Where the weights' shape is not known. */
  readonly vocabularySize?: number
  readonly specialIds?: Vocabulary["specialIds"]
}

/** The prompts of experiments, from files and generators of this node; nothing is downloaded. */
export class Datasets extends Context.Service<
  Datasets,
  {
    /** Fails with reason `data` for a file that is missing, unreadable or wrong. */
    prompts(experiment: Experiment, model: PromptModel): Effect.Effect<Workload, LocalError>
  }
>()("llem/workload/Datasets") {}
