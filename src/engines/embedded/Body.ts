import { Result, Schema, SchemaAST, SchemaIssue } from "effect"
import { isRecord } from "../../domain/Unknown.ts"
import { invalid, type Problem } from "./Problem.ts"

/** A field that may be left out or null, as OpenAI's clients send it; `allowed` says in words what it may be. */
export const field = <S extends Schema.Constraint>(allowed: string, schema: S) =>
  Schema.optionalKey(Schema.NullOr(schema).annotate({ description: allowed }))

/** A field that must be there. */
export const required = <S extends Schema.Top>(allowed: string, schema: S) => schema.annotate({ description: allowed })

/** A whole number, within bounds where there are any. */
export const integer = (minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A number within bounds. */
export const number = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/** Fields of OpenAI's clients that change nothing about the answer. */
const harmless = new Set([
  ...["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"],
  // What clients of llama.cpp's own server send about its cache and its figures.
  ...["cache_prompt", "timings_per_token"],
])

const format = SchemaIssue.makeFormatterStandardSchemaV1()
const longest = 80
const mostNames = 5

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

const keysOf = (path: ReadonlyArray<unknown>): ReadonlyArray<string | number> =>
  path.map((part) => (typeof part === "number" ? part : String(part)))

const at = (value: unknown, path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (here, key) => (typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined),
    value,
  )

const written = (path: ReadonlyArray<string | number>): string =>
  path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("")

const wrongField = <F extends Schema.Struct.Fields>(
  schema: Schema.Struct<F>,
  body: Readonly<Record<string, unknown>>,
  issue: SchemaIssue.Issue,
): Problem => {
  const path = keysOf(format(issue).issues[0]?.path ?? [])
  const [top = "body"] = path
  const name = String(top)
  const described = schema.fields[name]
  const allowed = described === undefined ? undefined : SchemaAST.resolveDescription(described.ast)
  const found = at(body, path)
  const words = allowed === undefined ? "" : `; ${path.length > 1 ? `${name} must be` : "it must be"} ${allowed}`
  return invalid(
    found === undefined ? `${written(path)} is missing${words}` : `${written(path)} is ${shown(found)}${words}`,
    written(path),
  )
}

/**
 * Reads a request's body. A field of the wrong type is refused with what was found and what is allowed; so is a field
 * that this server does not know: what would change the answer is never passed over in silence.
 */
export const read = <F extends Schema.Struct.Fields>(
  schema: Schema.Struct<F> & Schema.ConstraintDecoder<unknown>,
  text: string,
): Result.Result<Schema.Struct<F>["Type"], Problem> => {
  const parsed = Result.try({ try: (): unknown => JSON.parse(text), catch: (cause) => cause })
  if (Result.isFailure(parsed)) return Result.fail(invalid("the body is not valid JSON"))
  const body = parsed.success
  if (!isRecord(body)) return Result.fail(invalid("the body must be a JSON object"))
  const unknown = Object.keys(body).filter(
    (name) => !Object.hasOwn(schema.fields, name) && !harmless.has(name) && body[name] !== null,
  )
  const names = unknown.slice(0, mostNames).join(", ")
  const others = unknown.length > mostNames ? ` and ${unknown.length - mostNames} more fields` : ""
  if (unknown.length > 0)
    return Result.fail(
      invalid(`this server does not support ${names}${others}: leave it out`, unknown[0], "unsupported_parameter"),
    )
  const known = Object.fromEntries(Object.entries(body).filter(([name]) => Object.hasOwn(schema.fields, name)))
  const decoded = Result.try({
    try: () =>
      Result.mapError(Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })(known), (error) =>
        wrongField(schema, known, error.issue),
      ),
    // Going down into it, or writing it out in the message, takes more stack than there is.
    catch: () => invalid("the body is nested too deeply"),
  })
  return Result.flatMap(decoded, (result) => result)
}
