import { Result, Schema } from "effect"
import type { Backend } from "../domain/Backend.ts"
import { intAtLeast, numberAtLeast } from "../domain/Fields.ts"
import { parseRequest, runnerValues } from "../domain/RunnerSpec.ts"
import { check } from "./Check.ts"
import { ConfigError, inOrder, type Problem } from "./ConfigError.ts"
import type { Document } from "./Document.ts"
import { EnergyBackendName, fileFields } from "./Input.ts"
import { type Layered, layer, problemOf } from "./Layered.ts"

const may = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(schema)
const text = Schema.NonEmptyString
const engine = Schema.Struct({ command: may(Schema.Union([text, Schema.Array(text).check(Schema.isMinLength(1))])) })

/** The user's own defaults: `$XDG_CONFIG_HOME/llem/config.yaml`, or the Python tool's file where that is absent. */
const UserConfigInput = Schema.Struct({
  output: may(Schema.Struct({ results_dir: may(text), model_cache_dir: may(text), configs_dir: may(text) })),
  results_dir: may(text),
  runners: fileFields.runners,
  images: fileFields.images,
  measurement: may(
    Schema.Struct({
      energy_backend: may(EnergyBackendName),
      carbon_intensity_gco2_kwh: may(numberAtLeast(0)),
      datacenter_pue: may(numberAtLeast(1)),
    }),
  ),
  ui: may(Schema.Record(Schema.String, Schema.Unknown)),
  execution: may(
    Schema.Struct({
      experiment_gap: may(numberAtLeast(0)),
      cycle_gap: may(numberAtLeast(0)),
      experiment_gap_seconds: may(numberAtLeast(0)),
      cycle_gap_seconds: may(numberAtLeast(0)),
      n_cycles: may(intAtLeast(1)),
    }),
  ),
  engines: may(
    Schema.Struct({
      pytorch: may(engine),
      vllm: may(engine),
      tensorrt: may(engine),
      sglang: may(engine),
      llamacpp: may(engine),
    }),
  ),
})

/** The user config, in llem's own terms; null and absent are what the user left open. */
export interface UserConfig {
  readonly resultsDirectory: string | null
  readonly modelCacheDirectory: string | null
  readonly runners: Readonly<Partial<Record<Backend, string>>>
  readonly images: Readonly<Partial<Record<Backend, string>>>
  /** Program and first arguments of each engine that is not just its name on PATH. */
  readonly engineCommands: Readonly<Partial<Record<Backend, ReadonlyArray<string>>>>
  /** As it is written: a name of llem's, or the Python tool's zeus and codecarbon. */
  readonly energyBackend: string | null
  /** Grams of CO2 equivalent per kWh. */
  readonly carbonIntensity: number | null
  readonly pue: number | null
  readonly cycles: number | null
  readonly experimentGapSeconds: number | null
  readonly cycleGapSeconds: number | null
}

export const empty: UserConfig = {
  resultsDirectory: null,
  modelCacheDirectory: null,
  runners: {},
  images: {},
  engineCommands: {},
  energyBackend: null,
  carbonIntensity: null,
  pue: null,
  cycles: null,
  experimentGapSeconds: null,
  cycleGapSeconds: null,
}

/** A command as a list is taken as it is; as text it is split at blanks. */
const commandOf = (written: { readonly command?: string | ReadonlyArray<string> } | undefined) => {
  const command = written?.command
  return typeof command === "string" ? command.trim().split(/\s+/) : command
}

const runnerProblems = (layered: Layered, runners: UserConfig["runners"]): ReadonlyArray<Problem> =>
  Object.entries(runners).flatMap(([backend, value]) => {
    const request = parseRequest(value)
    if (Result.isSuccess(request)) return []
    return [layered.at(["runners", backend], request.failure, { allowed: runnerValues })]
  })

/** Decodes a user config; the failure has everything that is wrong with it. */
export const decode = (document: Document): Result.Result<UserConfig, ConfigError> => {
  const layered = layer([document], [])
  const decoded = check(UserConfigInput, layered.value)
  const fail = (problems: ReadonlyArray<Problem>) =>
    Result.fail(new ConfigError({ problems: inOrder(problems, [document.source.path]) }))
  if (Result.isFailure(decoded)) return fail(decoded.failure.map((finding) => problemOf(layered, finding)))
  const { output, results_dir, runners = {}, images = {}, measurement, execution, engines } = decoded.success
  const problems = runnerProblems(layered, runners)
  if (problems.length > 0) return fail(problems)
  const commands = Object.entries(engines ?? {}).flatMap(([backend, written]) => {
    const command = commandOf(written)
    return command === undefined ? [] : [[backend, command] as const]
  })
  return Result.succeed({
    resultsDirectory: results_dir ?? output?.results_dir ?? null,
    modelCacheDirectory: output?.model_cache_dir ?? null,
    runners,
    images,
    engineCommands: Object.fromEntries(commands),
    energyBackend: measurement?.energy_backend ?? null,
    carbonIntensity: measurement?.carbon_intensity_gco2_kwh ?? null,
    pue: measurement?.datacenter_pue ?? null,
    cycles: execution?.n_cycles ?? null,
    experimentGapSeconds: execution?.experiment_gap_seconds ?? execution?.experiment_gap ?? null,
    cycleGapSeconds: execution?.cycle_gap_seconds ?? execution?.cycle_gap ?? null,
  })
}
