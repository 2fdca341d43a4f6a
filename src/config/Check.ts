import { Predicate, Result, Schema, SchemaIssue } from "effect"
import type { Path } from "./Document.ts"
import { nearest } from "./Nearest.ts"

/** One thing that is wrong with a value, by its path inside that value. */
export interface Finding {
  readonly path: Path
  readonly kind: "unknown_key" | "invalid"
  readonly message: string
  readonly allowed: ReadonlyArray<string>
  readonly nearest: string | null
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The fields of a struct schema, through optional keys, unions and open sections; null for anything else. */
export const fieldsOf = (schema: unknown): Readonly<Record<string, unknown>> | null => {
  if (!Predicate.hasProperty(schema, "ast")) return null
  if (Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields)) return { ...schema.fields }
  if (Predicate.hasProperty(schema, "members") && Array.isArray(schema.members))
    return schema.members.map(fieldsOf).find((fields) => fields !== null) ?? null
  return Predicate.hasProperty(schema, "schema") ? fieldsOf(schema.schema) : null
}

/** Whether a struct also takes keys that it does not name (an engine's section). */
export const isOpen = (schema: unknown): boolean => {
  if (!Predicate.hasProperty(schema, "ast")) return false
  if (Predicate.hasProperty(schema, "records")) return true
  if (Predicate.hasProperty(schema, "key") && Predicate.hasProperty(schema, "value")) return true
  return Predicate.hasProperty(schema, "schema") ? isOpen(schema.schema) : false
}

const fieldsAt = (schema: unknown, path: Path): Readonly<Record<string, unknown>> | null => {
  let at: unknown = schema
  for (const key of path) at = fieldsOf(at)?.[String(key)]
  return fieldsOf(at)
}

const segments = (path: ReadonlyArray<unknown>): Path =>
  path.map((part) => {
    const key = Predicate.hasProperty(part, "key") ? part.key : part
    return typeof key === "number" ? key : String(key)
  })

const isUnexpectedKey = (message: string): boolean => message.includes("no excess property")

const quoted = /"([^"]*)"/g

/** What a value should have been, in a person's words. */
const wording = (message: string): string =>
  message
    .replace("Expected ", "should be ")
    .replace(/ \| /g, ", ")
    .replace("should be a value ", "should be ")
    .replace("Missing key", "is required")

const unknownKey = (schema: unknown, path: Path): Finding => {
  const name = String(path.at(-1) ?? "")
  const allowed = Object.keys(fieldsAt(schema, path.slice(0, -1)) ?? {})
  const near = nearest(name, allowed)
  return {
    path,
    kind: "unknown_key",
    message: near === null ? `Unknown field '${name}'` : `Unknown field '${name}' - did you mean '${near}'?`,
    allowed,
    nearest: near,
  }
}

/** Everything that is wrong with a value, or the decoded value. */
export const check = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  value: unknown,
): Result.Result<S["Type"], ReadonlyArray<Finding>> => {
  const decoded = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(value)
  if (Result.isSuccess(decoded)) return Result.succeed(decoded.success)
  const seen = new Set<string>()
  const findings = format(decoded.failure.issue).issues.flatMap((issue): ReadonlyArray<Finding> => {
    const path = segments(issue.path ?? [])
    if (isUnexpectedKey(issue.message)) return [unknownKey(schema, path)]
    const key = JSON.stringify(path)
    if (seen.has(key)) return []
    seen.add(key)
    const options = [...issue.message.matchAll(quoted)].map((match) => match[1] ?? "")
    const found = typeof value === "object" ? undefined : value
    return [
      {
        path,
        kind: "invalid",
        message: wording(issue.message),
        allowed: options,
        nearest: typeof found === "string" ? nearest(found, options) : null,
      },
    ]
  })
  return Result.fail(findings)
}
