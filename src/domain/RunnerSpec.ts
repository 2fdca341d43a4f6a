import { Result, Schema } from "effect"
import type { Backend } from "./Backend.ts"
import { problemOf } from "./ImageName.ts"
import type { Finding, Notice } from "./Notice.ts"

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

/** Where every backend of a study runs, and what a person must hear about how that came to be. */
export interface Resolution {
  readonly runners: Readonly<Partial<Record<Backend, RunnerSpec>>>
  readonly notices: ReadonlyArray<Notice>
  readonly findings: ReadonlyArray<Finding>
  /** Backends whose runner could not be decided, as the findings say; they stand as local meanwhile. */
  readonly undecided: ReadonlyArray<Backend>
}

/** What a person may write for a runner: `local`, `docker`, `docker:IMAGE`, `slurm`, `slurm:IMAGE` or `auto`. */
export type RunnerRequest =
  | { readonly kind: "auto" }
  | { readonly kind: "mode"; readonly mode: RunnerMode; readonly image: string | null }

/** The values of a runner, as errors list them. */
export const runnerValues: ReadonlyArray<string> = ["local", "docker", "docker:IMAGE", "slurm", "slurm:IMAGE", "auto"]

const withImage = (mode: "docker" | "slurm", image: string): Result.Result<RunnerRequest, string> => {
  if (image === "") return Result.fail(`'${mode}:' names no image; write ${mode}, or ${mode}:IMAGE`)
  const problem = mode === "docker" ? problemOf(image) : null
  if (problem !== null || /\s/.test(image))
    return Result.fail(`'${mode}:${image}' names no image: ${problem ?? "it has a space in it"}`)
  return Result.succeed({ kind: "mode", mode, image })
}

/** Reads a runner's value; the failure says in words what is wrong with it. */
export const parseRequest = (value: string): Result.Result<RunnerRequest, string> => {
  if (value === "auto") return Result.succeed({ kind: "auto" })
  if (value === "local" || value === "docker" || value === "slurm")
    return Result.succeed({ kind: "mode", mode: value, image: null })
  const colon = value.indexOf(":")
  const mode = value.slice(0, Math.max(colon, 0))
  if (mode === "docker" || mode === "slurm") return withImage(mode, value.slice(colon + 1))
  if (mode === "local") return Result.fail("local takes no image; write local, or docker:IMAGE")
  return Result.fail(`'${value}' is no runner`)
}
