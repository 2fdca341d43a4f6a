import { Context, type Effect } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { EngineError } from "../domain/Failure.ts"
import type { ResolvedModel } from "./Engine.ts"

/** Makes the model of an experiment ready on this node: found, checked, hashed, or generated once. */
export class Models extends Context.Service<
  Models,
  {
    /** Fails with reason `model` when the file is missing, unreadable, truncated or of another format. */
    resolve(experiment: Experiment): Effect.Effect<ResolvedModel, EngineError>
  }
>()("llem/engines/Models") {}
