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
  for (const key of path) at = ownField(fieldsOf(at), String(key))
  return fieldsOf(at)
}

const segments = (path: ReadonlyArray<unknown>): Path =>
  path.map((part) => {
    const key = Predicate.hasProperty(part, "key") ? part.key : part
    return typeof key === "number" ? key : String(key)
  })

const isUnexpectedKey = (message: string): boolean => message.includes("no excess property")

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  object: "a mapping",
  array: "a list",
  null: "null",
}

/** What a value may be, one by one, from the decoder's own sentence; null where it is no list of choices. */
const choices = (message: string): ReadonlyArray<string> | null => {
  const expected = /^Expected (.*)$/s.exec(message)?.[1]
  if (expected === undefined || /^an? /.test(expected)) return null
  return expected.split(" | ").map((one) => typeWords[one] ?? one.replace(/^"(.*)"$/s, "$1"))
}

const orList = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

/** What a value should have been, in a person's words. */
const wording = (message: string, allowed: ReadonlyArray<string> | null): string => {
  if (allowed !== null) return `should be ${orList(allowed)}`
  return message
    .replace("Expected a value with a length of at least 1", "should not be empty")
    .replace("Expected a value ", "should be ")
    .replace("Expected ", "should be ")
    .replace("greater than or equal to", "at least")
    .replace("less than or equal to", "at most")
    .replace("Missing key", "is required")
}

const ownField = (fields: Readonly<Record<string, unknown>> | null, key: string): unknown =>
  fields !== null && Object.hasOwn(fields, key) ? fields[key] : undefined

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
    const allowed = choices(issue.message)
    const found = path.reduce<unknown>(
      (at, part) => (Predicate.isObject(at) && Object.hasOwn(at, part) ? Reflect.get(at, part) : undefined),
      value,
    )
    const near = allowed !== null && typeof found === "string" ? nearest(found, allowed) : null
    return [
      {
        path,
        kind: "invalid",
        message: `${wording(issue.message, allowed)}${near === null ? "" : ` - did you mean '${near}'?`}`,
        allowed: allowed ?? [],
        nearest: near,
      },
    ]
  })
  return Result.fail(findings)
}
