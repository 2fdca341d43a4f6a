import { Result, Schema } from "effect"
import { limitsOf } from "../domain/Container.ts"
import type { Notice } from "../domain/Notice.ts"
import { parseRequest, runnerValues } from "../domain/RunnerSpec.ts"
import type { Execution, ExecutionInput, RawConfig, StudySpec, SweepMaterial } from "../domain/Study.ts"
import { isRecord } from "../domain/Unknown.ts"
import { check, type Finding } from "./Check.ts"
import { ConfigError, inOrder, type Problem, problem } from "./ConfigError.ts"
import type { Document, Path } from "./Document.ts"
import { fieldChecker, resolver, unknownField } from "./Experiments.ts"
import { experimentFields, fileFields, studyFields } from "./Input.ts"
import { type Layered, layer, problemOf, shown } from "./Layered.ts"
import * as Origins from "./Origins.ts"
import * as Overridden from "./Overridden.ts"
import type { Override } from "./Override.ts"
import * as Sweep from "./Sweep.ts"

/** What a study is decoded from. */
export interface Sources {
  /** The study file first, then its base, the base's base and so on; empty when flags alone describe an experiment. */
  readonly documents: ReadonlyArray<Document>
  readonly overrides: ReadonlyArray<Override>
  /** The name where the file gives none. */
  readonly defaultName: string
}

const fileKeys = Object.keys(fileFields)
const experimentKeys = Object.keys(experimentFields)
const allKeys = [...experimentKeys, ...fileKeys, ...Object.keys(studyFields)]

/** A base gives fields of experiments; what it says of a study as a whole is not taken over. */
const strippedFromBase = [...Object.keys(studyFields), ...fileKeys.filter((key) => !/^(output|results)_dir$/.test(key))]

const FileInput = Schema.Struct(fileFields)
type FileInput = typeof FileInput.Type

/** Only the fields named, in their order in the file. */
const only = (value: RawConfig, keys: ReadonlyArray<string>): RawConfig =>
  Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)))

/** A field set by a flag has no place in a file: the flag is named instead. */
const placed = (sources: Sources, layered: Layered, finding: Finding): Problem => {
  const dotted = finding.path.map(String).join(".")
  const override = sources.overrides.find(({ path }) => dotted === path || dotted.startsWith(`${path}.`))
  if (override === undefined) return problemOf(layered, finding)
  const { message, allowed, nearest } = finding
  return problem(`${override.flag}: ${message}`, { allowed, nearest, found: shown(override.value) })
}

const runnerProblem = (layered: Layered, path: Path, value: string | undefined): ReadonlyArray<Problem> => {
  if (value === undefined) return []
  const request = parseRequest(value)
  if (Result.isFailure(request)) return [layered.at(path, request.failure, { allowed: runnerValues })]
  const elsewhere = path[1] === "endpoint" && request.success.kind === "mode" && request.success.mode !== "local"
  return elsewhere ? [layered.at(path, "endpoint is a server that runs already: it can only be local")] : []
}

const fileProblems = (layered: Layered, fields: FileInput): ReadonlyArray<Problem> => [
  ...runnerProblem(layered, ["runner"], fields.runner),
  ...Object.entries(fields.runners ?? {}).flatMap(([backend, value]) =>
    runnerProblem(layered, ["runners", backend], value),
  ),
  ...(fields.runner !== undefined && fields.runners !== undefined
    ? [layered.at(["runners"], "give runner or runners, not both", { key: true })]
    : []),
  ...(fields.output_dir !== undefined && fields.results_dir !== undefined
    ? [layered.at(["results_dir"], "give output_dir or results_dir, not both", { key: true })]
    : []),
]

const executionOf = (input: ExecutionInput | undefined, study: boolean): Execution => ({
  cycles: input?.n_cycles ?? (study ? 3 : 1),
  order: input?.cycle_order ?? (study ? "shuffled" : "sequential"),
  experimentGapSeconds: input?.experiment_gap_seconds ?? null,
  cycleGapSeconds: input?.cycle_gap_seconds ?? null,
  shuffleSeed: input?.shuffle_seed ?? null,
  skipPreflight: input?.skip_preflight ?? false,
  failFast: input?.fail_fast ?? false,
  reuseEngine: input?.reuse_engine ?? false,
  timeouts: input?.timeouts ?? {},
  container: limitsOf(input?.container ?? {}),
  gate: input?.gate ?? "warn",
})

const oldEnergyNames = (material: SweepMaterial): ReadonlyArray<Notice> => {
  const whole = [material.fixed, ...material.explicit].flatMap(({ energy }) => (isRecord(energy) ? [energy] : []))
  const dotted = [
    ...material.axes.filter(({ path }) => path === "energy.backend").flatMap(({ values }) => values),
    ...material.groups.flatMap(({ variants }) => variants.flatMap((variant) => [variant["energy.backend"]].flat())),
  ]
  const named = new Set([...whole.map(({ backend }) => backend), ...dotted])
  return (["zeus", "codecarbon"] as const)
    .filter((old) => named.has(old))
    .map((old) => ({
      code: "energy_backend_renamed",
      severity: "info",
      message: `energy.backend ${old} is read as ${old === "zeus" ? "nvml" : "auto"}.`,
    }))
}

/**
 * Decodes a study or a single experiment from its documents and overrides. The failure has everything that is wrong
 * with the fixed fields, the axes' names and the explicit experiments; combinations are judged when they are expanded.
 */
export const decode = (sources: Sources): Result.Result<StudySpec, ConfigError> => {
  const layered = layer(sources.documents, strippedFromBase)
  const problems: Array<Problem> = Object.keys(layered.value)
    .filter((key) => !allKeys.includes(key))
    .map((key) => problemOf(layered, unknownField(key, allKeys)))
  const study = ["sweep", "groups", "experiments"].some((key) => layered.value[key] !== undefined)
  const checkField = fieldChecker()
  const { axes, groups, explicit, problems: wrongForm } = Sweep.read(layered, checkField)
  problems.push(...wrongForm)
  const before = { fixed: only(layered.value, experimentKeys), file: only(layered.value, fileKeys) }
  const { fixed, file } = Overridden.apply(sources.overrides, before, { axes, groups, explicit }, problems)
  for (const key of Object.keys(fixed))
    for (const finding of checkField(key, fixed[key])) problems.push(placed(sources, layered, finding))
  const decodedFile = check(FileInput, file)
  if (Result.isFailure(decodedFile))
    for (const finding of decodedFile.failure) problems.push(placed(sources, layered, finding))
  const fields = Result.getOrElse(decodedFile, (): FileInput => ({}))
  problems.push(...fileProblems(layered, fields))
  const { base } = layered.value
  if (base !== undefined && typeof base !== "string")
    problems.push(layered.at(["base"], "should be the path of a file"))
  if (!study && problems.length === 0) {
    const resolved = resolver()(fixed)
    if (Result.isFailure(resolved))
      for (const finding of resolved.failure) problems.push(placed(sources, layered, finding))
  }
  const files = sources.documents.map(({ source }) => source.path)
  if (problems.length > 0) return Result.fail(new ConfigError({ problems: inOrder(problems, files) }))
  const material: SweepMaterial = { fixed, axes, groups, explicit, hasSweep: axes.length > 0 || groups.length > 0 }
  return Result.succeed({
    name: fields.name ?? sources.defaultName,
    kind: study ? "study" : "experiment",
    material,
    originOf: Origins.of(layered, sources.overrides, material),
    execution: executionOf(fields.execution, study),
    runners: { all: fields.runner ?? null, byBackend: fields.runners ?? {} },
    images: fields.images ?? {},
    resultsDirectory: fields.output_dir ?? fields.results_dir ?? null,
    notices: oldEnergyNames(material),
  })
}
