import { Result, Schema } from "effect"
import type { Notice } from "../domain/Notice.ts"
import type { Execution, ExecutionInput, RawConfig, StudySpec, SweepMaterial } from "../domain/Study.ts"
import { check, type Finding } from "./Check.ts"
import { ConfigError, type Problem, problem } from "./ConfigError.ts"
import { type Document, isRecord, type Path } from "./Document.ts"
import { fieldChecker, resolver } from "./Experiments.ts"
import { experimentFields, fileFields, renamed, studyFields } from "./Input.ts"
import { type Layered, layer } from "./Layered.ts"
import { nearest } from "./Nearest.ts"
import type { Override } from "./Override.ts"
import { pathProblem, set, split } from "./Paths.ts"

/** What a study is decoded from. */
export interface Sources {
  /** The study file first, then its base, the base's base and so on; empty when flags alone describe an experiment. */
  readonly documents: ReadonlyArray<Document>
  readonly overrides: ReadonlyArray<Override>
  /** The name where the file gives none. */
  readonly defaultName: string
}

const studyKeys = Object.keys(studyFields)
const fileKeys = Object.keys(fileFields)
const experimentKeys = Object.keys(experimentFields)
const allKeys = [...experimentKeys, ...fileKeys, ...studyKeys]

const FileInput = Schema.Struct(fileFields)

const problemOf = (layered: Layered, finding: Finding, above: Path = []): Problem =>
  layered.at([...above, ...finding.path], finding.message, {
    key: finding.kind === "unknown_key",
    allowed: finding.allowed,
    nearest: finding.nearest,
  })

const unknownTopLevel = (layered: Layered, key: string): Problem => {
  const now = renamed[key]
  if (now !== undefined)
    return layered.at([key], `Unknown field '${key}' - here it is called '${now}'`, { key: true, nearest: now })
  const near = nearest(key, allKeys)
  const message = near === null ? `Unknown field '${key}'` : `Unknown field '${key}' - did you mean '${near}'?`
  return layered.at([key], message, { key: true, allowed: allKeys, nearest: near })
}

/** Only the fields named, in their order in the file. */
const only = (value: RawConfig, keys: ReadonlyArray<string>): RawConfig =>
  Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)))

const axesOf = (layered: Layered, problems: Array<Problem>): SweepMaterial["axes"] => {
  const sweep = layered.value["sweep"]
  if (sweep === undefined) return []
  if (!isRecord(sweep)) {
    problems.push(layered.at(["sweep"], "should be a mapping of fields to lists of values"))
    return []
  }
  return Object.entries(sweep)
    .filter(([path]) => path !== "groups")
    .flatMap(([path, values]) => {
      const wrong = pathProblem(experimentFields, path)
      if (wrong !== null) {
        const { message, allowed, nearest: near } = wrong
        problems.push(layered.at(["sweep", path], message, { key: true, allowed, nearest: near }))
        return []
      }
      const list: ReadonlyArray<unknown> = Array.isArray(values) ? values : [values]
      if (list.length === 0) problems.push(layered.at(["sweep", path], "an axis needs at least one value"))
      return [{ path, values: list }]
    })
}

const variantProblems = (layered: Layered, above: Path, variant: RawConfig): ReadonlyArray<Problem> =>
  Object.keys(variant).flatMap((path) => {
    const wrong = pathProblem(experimentFields, path)
    if (wrong === null) return []
    return [layered.at([...above, path], wrong.message, { key: true, allowed: wrong.allowed, nearest: wrong.nearest })]
  })

/** Groups stand at the top level or inside `sweep`: named lists of variants. */
const groupsOf = (layered: Layered, problems: Array<Problem>): SweepMaterial["groups"] => {
  const sweep = layered.value["sweep"]
  const places: ReadonlyArray<readonly [Path, unknown]> = [
    [["groups"], layered.value["groups"]],
    [["sweep", "groups"], isRecord(sweep) ? sweep["groups"] : undefined],
  ]
  return places.flatMap(([above, groups]) => {
    if (groups === undefined) return []
    if (!isRecord(groups)) {
      problems.push(layered.at(above, "should be a mapping of names to lists of variants"))
      return []
    }
    return Object.entries(groups).flatMap(([name, variants]) => {
      if (!Array.isArray(variants) || variants.length === 0 || !variants.every(isRecord)) {
        problems.push(layered.at([...above, name], "should be a list of variants, each a mapping of fields to values"))
        return []
      }
      for (const [index, variant] of variants.entries())
        problems.push(...variantProblems(layered, [...above, name, index], variant))
      return [{ name, variants }]
    })
  })
}

const explicitOf = (
  layered: Layered,
  problems: Array<Problem>,
  checkField: ReturnType<typeof fieldChecker>,
): SweepMaterial["explicit"] => {
  const entries = layered.value["experiments"]
  if (entries === undefined) return []
  if (!Array.isArray(entries) || !entries.every(isRecord)) {
    problems.push(layered.at(["experiments"], "should be a list of experiments, each a mapping of fields to values"))
    return []
  }
  for (const [index, entry] of entries.entries()) {
    for (const [key, value] of Object.entries(entry))
      for (const finding of checkField(key, value)) problems.push(problemOf(layered, finding, ["experiments", index]))
  }
  return entries
}

interface Overridden {
  readonly fixed: RawConfig
  readonly file: RawConfig
}

/** What keeps an override from being applied; null when nothing does. */
const overrideProblem = ({ flag, path }: Override, axes: SweepMaterial["axes"]): Problem | null => {
  const swept = axes.find(
    (axis) => axis.path === path || axis.path.startsWith(`${path}.`) || path.startsWith(`${axis.path}.`),
  )
  if (swept !== undefined)
    return problem(`${flag}: ${path} is swept by this study (sweep.${swept.path}); a flag can only set what is fixed`)
  const wrong = pathProblem({ ...experimentFields, ...fileFields }, path)
  return wrong === null
    ? null
    : problem(`${flag}: ${wrong.message}`, { allowed: wrong.allowed, nearest: wrong.nearest })
}

/** Puts overrides over fixed fields and file fields; what cannot be overridden is a problem of the command line. */
const applyOverrides = (
  sources: Sources,
  before: Overridden,
  axes: SweepMaterial["axes"],
  problems: Array<Problem>,
): Overridden => {
  let { fixed, file } = before
  for (const override of sources.overrides) {
    const found = overrideProblem(override, axes)
    const path = split(override.path)
    if (found !== null) problems.push(found)
    else if ((path[0] ?? "") in fileFields) file = set(file, path, override.value)
    else fixed = set(fixed, path, override.value)
  }
  return { fixed, file }
}

/** A field set by a flag has no place in a file: the flag is named instead. */
const placed = (sources: Sources, layered: Layered, finding: Finding): Problem => {
  const dotted = finding.path.map(String).join(".")
  const override = sources.overrides.find(({ path }) => dotted === path || dotted.startsWith(`${path}.`))
  if (override === undefined) return problemOf(layered, finding)
  const { message, allowed, nearest: near } = finding
  return problem(`${override.flag}: ${message}`, {
    allowed,
    nearest: near,
    found: JSON.stringify(override.value) ?? null,
  })
}

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
})

const oldEnergyNames = (material: SweepMaterial): ReadonlyArray<Notice> => {
  const named = [material.fixed, ...material.explicit].flatMap((config) => {
    const energy = config["energy"]
    return isRecord(energy) ? [energy["backend"]] : []
  })
  const swept = material.axes.filter((axis) => axis.path === "energy.backend").flatMap((axis) => axis.values)
  return (["zeus", "codecarbon"] as const)
    .filter((old) => [...named, ...swept].includes(old))
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
  const layered = layer(sources.documents, studyKeys)
  const problems: Array<Problem> = []
  for (const key of Object.keys(layered.value)) if (!allKeys.includes(key)) problems.push(unknownTopLevel(layered, key))
  const study = ["sweep", "groups", "experiments"].some((key) => layered.value[key] !== undefined)
  const checkField = fieldChecker()
  const axes = axesOf(layered, problems)
  const groups = groupsOf(layered, problems)
  const explicit = explicitOf(layered, problems, checkField)
  const before = { fixed: only(layered.value, experimentKeys), file: only(layered.value, fileKeys) }
  const { fixed, file } = applyOverrides(sources, before, axes, problems)
  for (const [key, value] of Object.entries(fixed))
    for (const finding of checkField(key, value)) problems.push(placed(sources, layered, finding))
  const decodedFile = check(FileInput, file)
  if (Result.isFailure(decodedFile))
    for (const finding of decodedFile.failure) problems.push(placed(sources, layered, finding))
  const fields = Result.getOrElse(decodedFile, (): typeof FileInput.Type => ({}))
  if (fields.runner !== undefined && fields.runners !== undefined)
    problems.push(layered.at(["runners"], "give runner or runners, not both", { key: true }))
  const base = layered.value["base"]
  if (base !== undefined && typeof base !== "string")
    problems.push(layered.at(["base"], "should be the path of a file"))
  if (!study && problems.length === 0) {
    const resolved = resolver()(fixed)
    if (Result.isFailure(resolved))
      for (const finding of resolved.failure) problems.push(placed(sources, layered, finding))
  }
  if (problems.length > 0) return Result.fail(new ConfigError({ problems }))
  const material: SweepMaterial = { fixed, axes, groups, explicit, hasSweep: axes.length > 0 || groups.length > 0 }
  return Result.succeed({
    name: fields.name ?? sources.defaultName,
    kind: study ? "study" : "experiment",
    material,
    execution: executionOf(fields.execution, study),
    runners: { all: fields.runner ?? null, byBackend: fields.runners ?? {} },
    images: fields.images ?? {},
    resultsDirectory: fields.output_dir ?? null,
    notices: oldEnergyNames(material),
  })
}
