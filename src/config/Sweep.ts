import type { RawConfig, SweepMaterial } from "../domain/Study.ts"
import { isRecord } from "../domain/Unknown.ts"
import { fieldsWithoutNulls } from "./Absent.ts"
import type { Problem } from "./ConfigError.ts"
import type { Path } from "./Document.ts"
import type { fieldChecker } from "./Experiments.ts"
import { experimentFields } from "./Input.ts"
import { type Layered, problemOf } from "./Layered.ts"
import { isDeclared, pathProblem, split } from "./Paths.ts"
import * as Renamed from "./Renamed.ts"

/** The axes, groups and explicit experiments of a file, and everything that is wrong with their form. */
export interface Read {
  readonly axes: SweepMaterial["axes"]
  readonly groups: SweepMaterial["groups"]
  readonly explicit: SweepMaterial["explicit"]
  readonly problems: ReadonlyArray<Problem>
}

const badPath = (layered: Layered, above: Path, dotted: string): ReadonlyArray<Problem> => {
  const old = Renamed.lookUpDotted(split(dotted))
  if (old !== null) return [layered.at([...above, dotted], old.message, { key: true, nearest: old.field })]
  const wrong = pathProblem(experimentFields, dotted)
  if (wrong === null) return []
  const { message, allowed, nearest } = wrong
  return [layered.at([...above, dotted], message, { key: true, allowed, nearest })]
}

/**
 * A list of mappings under `sweep` is a group of variants, as in the Python tool's later grammar, unless its key names
 * a field that is itself a mapping (`dataset`, `lora`, ...) and its mappings have no dotted keys.
 */
const isGroup = (path: string, values: unknown): values is ReadonlyArray<RawConfig> =>
  Array.isArray(values) &&
  values.length > 0 &&
  values.every(isRecord) &&
  (!isDeclared(experimentFields, path) || values.some((one) => Object.keys(one).some((key) => key.includes("."))))

const readGroup = (layered: Layered, above: Path, name: string, variants: unknown, problems: Array<Problem>) => {
  if (!Array.isArray(variants) || variants.length === 0 || !variants.every(isRecord)) {
    problems.push(layered.at([...above, name], "should be a list of variants, each a mapping of fields to values"))
    return []
  }
  for (const [index, variant] of variants.entries()) {
    for (const [path, value] of Object.entries(variant)) {
      problems.push(...badPath(layered, [...above, name, index], path))
      if (Array.isArray(value) && value.length === 0)
        problems.push(layered.at([...above, name, index, path], "a list in a variant needs at least one value"))
    }
  }
  return [{ name, variants }]
}

const readGroups = (layered: Layered, above: Path, groups: unknown, problems: Array<Problem>): Read["groups"] => {
  if (groups === undefined) return []
  if (isRecord(groups))
    return Object.entries(groups).flatMap(([name, variants]) => readGroup(layered, above, name, variants, problems))
  problems.push(layered.at(above, "should be a mapping of names to lists of variants"))
  return []
}

const readSweep = (layered: Layered, problems: Array<Problem>): Pick<Read, "axes" | "groups"> => {
  const axes: Array<SweepMaterial["axes"][number]> = []
  const groups: Array<SweepMaterial["groups"][number]> = []
  const { sweep } = layered.value
  if (sweep === undefined) return { axes, groups }
  if (!isRecord(sweep)) {
    problems.push(layered.at(["sweep"], "should be a mapping of fields to lists of values"))
    return { axes, groups }
  }
  for (const [path, values] of Object.entries(sweep)) {
    if (path === "groups") groups.push(...readGroups(layered, ["sweep", "groups"], values, problems))
    else if (isGroup(path, values)) groups.push(...readGroup(layered, ["sweep"], path, values, problems))
    else {
      const wrong = badPath(layered, ["sweep"], path)
      problems.push(...wrong)
      if (wrong.length > 0) continue
      const list: ReadonlyArray<unknown> = Array.isArray(values) ? values : [values]
      if (list.length === 0) problems.push(layered.at(["sweep", path], "an axis needs at least one value"))
      axes.push({ path, values: list })
    }
  }
  return { axes, groups }
}

const readExplicit = (
  layered: Layered,
  checkField: ReturnType<typeof fieldChecker>,
  problems: Array<Problem>,
): Read["explicit"] => {
  const entries = layered.value["experiments"]
  if (entries === undefined) return []
  if (!Array.isArray(entries) || !entries.every(isRecord)) {
    problems.push(layered.at(["experiments"], "should be a list of experiments, each a mapping of fields to values"))
    return []
  }
  for (const [index, entry] of entries.entries())
    for (const [key, value] of Object.entries(fieldsWithoutNulls(entry)))
      for (const finding of checkField(key, value)) problems.push(problemOf(layered, finding, ["experiments", index]))
  return entries
}

/** Reads what there is to expand; groups stand at the top level, in `sweep.groups`, or in `sweep` itself. */
export const read = (layered: Layered, checkField: ReturnType<typeof fieldChecker>): Read => {
  const problems: Array<Problem> = []
  const { axes, groups } = readSweep(layered, problems)
  const topGroups = readGroups(layered, ["groups"], layered.value["groups"], problems)
  const explicit = readExplicit(layered, checkField, problems)
  return { axes, groups: [...topGroups, ...groups], explicit, problems }
}
