import { Result, type Schema } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { RawConfig } from "../domain/Study.ts"
import { fieldsWithoutNulls } from "./Absent.ts"
import { check, type Finding } from "./Check.ts"
import { conflicts } from "./CrossRules.ts"
import { backendOf, withDefaults } from "./Defaults.ts"
import { type ExperimentFields, experimentFields } from "./Input.ts"
import { nearest } from "./Nearest.ts"

type FieldSchema = Schema.ConstraintDecoder<unknown>

const schemas: ReadonlyMap<string, FieldSchema> = new Map(Object.entries(experimentFields))
const names = [...schemas.keys()]

/** The finding for a field that no experiment has. */
export const unknownField = (name: string, allowed: ReadonlyArray<string>): Finding => {
  const near = nearest(name, allowed)
  return {
    path: [name],
    kind: "unknown_key",
    message: near === null ? `Unknown field '${name}'` : `Unknown field '${name}' - did you mean '${near}'?`,
    allowed,
    nearest: near,
  }
}

const below = (name: string, finding: Finding): Finding => ({ ...finding, path: [name, ...finding.path] })

/** Checks the value of one top-level field; the same value is checked once, however many combinations share it. */
export const fieldChecker = () => {
  const known = new Map<string, Map<unknown, ReadonlyArray<Finding>>>()
  return (name: string, value: unknown): ReadonlyArray<Finding> => {
    let values = known.get(name)
    if (values === undefined) {
      values = new Map()
      known.set(name, values)
    }
    const before = values.get(value)
    if (before !== undefined) return before
    const schema = schemas.get(name)
    const findings =
      schema === undefined
        ? [unknownField(name, names)]
        : Result.match(check(schema, value), {
            onFailure: (all) => all.map((finding) => below(name, finding)),
            onSuccess: (): ReadonlyArray<Finding> => [],
          })
    values.set(value, findings)
    return findings
  }
}

const required: Finding = {
  path: ["model"],
  kind: "invalid",
  message: "is required",
  allowed: [],
  nearest: null,
}

/**
 * Resolves raw fields to whole experiments: every field checked, rules between fields applied, defaults filled in.
 * Keep one resolver for a whole sweep: it remembers what it has checked.
 */
export const resolver = () => {
  const checkField = fieldChecker()
  return (written: RawConfig): Result.Result<Experiment, ReadonlyArray<Finding>> => {
    const raw = fieldsWithoutNulls(written)
    const findings: Array<Finding> = []
    for (const name of Object.keys(raw)) for (const finding of checkField(name, raw[name])) findings.push(finding)
    if (raw["model"] === undefined) findings.push(required)
    if (findings.length > 0 || !isFields(raw)) return Result.fail(findings)
    const broken = conflicts(raw, backendOf(raw))
    return broken.length > 0
      ? Result.fail(broken.map(({ path, message }) => ({ path, kind: "invalid", message, allowed: [], nearest: null })))
      : Result.succeed(withDefaults(raw))
  }
}

/** Every field was checked on its own before this is asked, so that only the compiler still needs to be told. */
const isFields = (raw: RawConfig): raw is ExperimentFields & RawConfig => "model" in raw
