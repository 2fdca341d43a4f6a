import { Result, Schema } from "effect"
import { between, intAtLeast, numberAtLeast } from "../domain/Fields.ts"
import { check } from "./Check.ts"
import { ConfigError } from "./ConfigError.ts"
import type { Document } from "./Document.ts"
import { fileFields } from "./Input.ts"
import { layer } from "./Layered.ts"

const may = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(schema)
const text = Schema.NonEmptyString
const engine = Schema.Struct({ command: may(Schema.Union([text, Schema.Array(text)])) })

/** The user's own defaults: `$XDG_CONFIG_HOME/llem/config.yaml`, or the Python tool's file where that is absent. */
const UserConfigInput = Schema.Struct({
  output: may(Schema.Struct({ results_dir: may(text), model_cache_dir: may(text), configs_dir: may(text) })),
  results_dir: may(text),
  runners: fileFields.runners,
  images: fileFields.images,
  measurement: may(
    Schema.Struct({
      energy_backend: may(Schema.NullOr(text)),
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
      sample_hz: may(between(1, 100)),
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

/** What of the user config llem uses. */
export interface UserConfig {
  readonly resultsDirectory: string | null
  readonly runners: Readonly<Record<string, string>>
  readonly images: Readonly<Record<string, string>>
  readonly carbonIntensity: number | null
  readonly pue: number | null
  readonly experimentGapSeconds: number | null
  readonly cycleGapSeconds: number | null
}

export const empty: UserConfig = {
  resultsDirectory: null,
  runners: {},
  images: {},
  carbonIntensity: null,
  pue: null,
  experimentGapSeconds: null,
  cycleGapSeconds: null,
}

const given = (record: Readonly<Record<string, string | undefined>> | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(record ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )

/** Decodes a user config; the failure has everything that is wrong with it. */
export const decode = (document: Document): Result.Result<UserConfig, ConfigError> => {
  const decoded = check(UserConfigInput, document.value)
  if (Result.isFailure(decoded)) {
    const layered = layer([document], [])
    const problems = decoded.failure.map((finding) =>
      layered.at(finding.path, finding.message, {
        key: finding.kind === "unknown_key",
        allowed: finding.allowed,
        nearest: finding.nearest,
      }),
    )
    return Result.fail(new ConfigError({ problems }))
  }
  const { output, results_dir, runners, images, measurement, execution } = decoded.success
  return Result.succeed({
    resultsDirectory: output?.results_dir ?? results_dir ?? null,
    runners: given(runners),
    images: given(images),
    carbonIntensity: measurement?.carbon_intensity_gco2_kwh ?? null,
    pue: measurement?.datacenter_pue ?? null,
    experimentGapSeconds: execution?.experiment_gap_seconds ?? execution?.experiment_gap ?? null,
    cycleGapSeconds: execution?.cycle_gap_seconds ?? execution?.cycle_gap ?? null,
  })
}
