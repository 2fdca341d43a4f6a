import { Schema } from "effect"

/** Where an engine process lives. */
export const RunnerMode = Schema.Literals(["local", "docker", "slurm"])
export type RunnerMode = typeof RunnerMode.Type

/** What decided on a runner, from the strongest to the weakest. */
export const RunnerSource = Schema.Literals([
  "flag",
  "env",
  "yaml",
  "user_config",
  "multi_engine_elevation",
  "auto_detected",
  "default",
])
export type RunnerSource = typeof RunnerSource.Type

/** Where one backend runs, in which image, and what decided so. */
export const RunnerSpec = Schema.Struct({
  mode: RunnerMode,
  image: Schema.NullOr(Schema.String),
  source: RunnerSource,
})
export type RunnerSpec = typeof RunnerSpec.Type
