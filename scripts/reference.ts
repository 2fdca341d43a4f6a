import { join, resolve } from "node:path"
import { Predicate } from "effect"
import * as JsonSchema from "../src/config/JsonSchema.ts"

/** Writes docs/study-file.md from the schema of study files; `--check` only says whether it is up to date. */
const file = join(resolve(import.meta.dir, ".."), "docs/study-file.md")

const intro = `# Study files

Made by \`bun scripts/reference.ts\` from the schemas that decode the files. \`llem schema study\` and
\`llem schema experiment\` print the same as JSON Schema, for editors. The examples/ folder has files to start from.

A file with \`sweep\`, \`groups\` or \`experiments\` is a study; any other is a single experiment. Everything but \`model\`
has a default. A field that no file knows is an error with the nearest name, except inside an engine's section: what
llem does not know there is handed to the engine. A field without a value (null) counts as left out; only
\`energy.backend: null\` has a meaning, no metering.

## Sweeps

\`\`\`yaml
sweep:
  backend: [pytorch, vllm]            # universal axes: every backend runs all of them
  decoder.temperature: [0, 1]         # a dot goes into a field, at any depth
  pytorch.batch_size: [1, 8]          # scoped axes: the first part is a backend, and only that one runs them
  vllm.engine.block_size: [8, 16, 32]
\`\`\`

Every combination is one experiment; here 2 x 2 of pytorch and 2 x 3 of vllm, ten in all. A single value is a list of
one. The last axis changes fastest. The backends are those of a \`backend\` axis, else those that axes are scoped to in
their order of appearance, else the fixed \`backend\`. Where several backends share a file, each sees its own section of
the fixed fields only. Combinations that break a rule are left out with the reason (\`llem plan\` lists them), as is one
that equals an earlier one in every field; more than half left out is a warning, all of them an error.

## Groups

\`\`\`yaml
groups:
  quantization:
    - {}                                     # as it is
    - pytorch.load_in_4bit: true
      pytorch.bnb_4bit_quant_type: [nf4, fp4] # a list inside a variant is a small grid of its own
\`\`\`

A group changes several fields together: its variants are alternatives, and the group multiplies like a universal axis.
A backend leaves out what belongs to another one. Groups may also stand in \`sweep\` itself: a list of mappings under a
name that is no field is a group. One whose name begins with a backend (\`pytorch.quantization\`) is that backend's alone.

## What llem says of a mistake

Every error has the file, line and column of what is wrong, also when it comes from a base, an alias or one value of an
axis; all errors of a file are told at once. Anchors, aliases and merge keys (\`<<\`) are understood. A file may have
4 MiB, 64 levels of nesting and 200,000 values after its aliases are unfolded; a key that stands twice in a mapping, a
tag and a second YAML document are errors. A flag sets fixed fields and \`execution\`; it cannot set what the study
itself varies. A base that is written as lying in its file's folder, and really lies elsewhere through a symbolic link, is
refused; one that says openly where it is (\`../shared.yaml\`) is not.

## Explicit experiments

Each entry of \`experiments\` is one experiment over the fixed fields, after the sweep. A field of the entry replaces the
whole fixed field, sections included.

## Cycles and order

\`execution.n_cycles\` repeats every experiment (default 3 for a study, 1 for a single experiment). \`execution.cycle_order\`:

| Order | Runs of A, B over three cycles | |
|---|---|---|
| sequential | A A A B B B | each experiment's runs in a row |
| interleaved | A B A B A B | file order in every cycle |
| shuffled | A B B A A B | default; every cycle has an order of its own, drawn with Mulberry32 and Fisher-Yates |
| reverse | A B B A A B | every second cycle backwards |
| latin_square | A B B A A B | rows of a balanced square (Williams 1949), one per cycle |

Over a whole balanced square every experiment stands equally often in every place and follows every other one equally
often. It has as many rows as there are experiments, twice as many when their number is odd; with more cycles the rows
go round, with fewer the balance is partial. The seed is \`execution.shuffle_seed\`, else it is taken from the study's
hash: the same file runs in the same order everywhere.

## Base

\`base: FILE\` (relative to the file that says so) fills in the fields that this file leaves out; each top-level field
comes whole from one file. A base may have a base. It gives the fields of an experiment and \`output_dir\`; what speaks
of a study (\`name\`, \`sweep\`, \`groups\`, \`experiments\`, \`execution\`, runners and images) is not taken over.
`

type Fields = ReadonlyArray<readonly [string, Readonly<Record<string | symbol, unknown>>]>

const at = (schema: unknown, key: string): unknown => (Predicate.isObject(schema) ? schema[key] : undefined)
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const fieldsOf = (schema: unknown): Fields => {
  const own = at(schema, "properties")
  const fields = Predicate.isObject(own)
    ? own
    : list(at(schema, "anyOf"))
        .map((one) => at(one, "properties"))
        .find(Predicate.isObject)
  return Object.entries(fields ?? {}).flatMap(([name, inner]) =>
    Predicate.isObject(inner) ? [[name, inner] as const] : [],
  )
}

const typeOf = (schema: unknown): string => {
  const choices = list(at(schema, "anyOf"))
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(" or ")
  switch (at(schema, "type")) {
    case "object":
      return "mapping"
    case "array":
      return `list of ${typeOf(at(schema, "items"))}`
    case "string":
      return "text"
    case "integer":
      return "integer"
    case "number":
      return "number"
    case "boolean":
      return "true or false"
    case "null":
      return "null"
    default:
      return "any"
  }
}

/** The bounds that a person would care about: not those of a double's exact integers. */
const bound = (value: unknown): number | null =>
  typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : null

const boundsOf = (schema: unknown): string => {
  const [least, most, above] = ["minimum", "maximum", "exclusiveMinimum"].map((key) => bound(at(schema, key)))
  if (above !== null) return `> ${above}`
  if (least !== null && most !== null) return `${least} to ${most}`
  return least !== null ? `>= ${least}` : most !== null ? `<= ${most}` : ""
}

const allowedOf = (schema: unknown): string => {
  const values = list(at(schema, "enum"))
  if (values.length > 0) return values.map((value) => `\`${value}\``).join(", ")
  const choices = list(at(schema, "anyOf"))
    .map(allowedOf)
    .filter((text) => text !== "")
  return choices.length > 0
    ? choices.join("; ")
    : boundsOf(at(schema, "type") === "array" ? at(schema, "items") : schema)
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;")

/** The default: of the schema, or the end of a description that states one. */
const meaningAndDefault = (schema: unknown): readonly [string, string] => {
  const text = String(at(schema, "description") ?? "")
  const stated = /(?:^|; )[Dd]efault:? (.+)$/.exec(text)
  const meaning = stated === null ? text : text.slice(0, stated.index)
  const standing = at(schema, "default")
  return [meaning, standing === undefined ? (stated?.[1] ?? "") : `\`${JSON.stringify(standing)}\``]
}

const table = (fields: Fields, prefix: string): string => {
  const rows = fields.map(([name, schema]) => {
    const [meaning, standing] = meaningAndDefault(schema)
    return `| \`${prefix}${name}\` | ${[typeOf(schema), standing, allowedOf(schema), meaning].map(cell).join(" | ")} |`
  })
  return ["| Field | Type | Default | Allowed | Meaning |", "|---|---|---|---|---|", ...rows].join("\n")
}

/** A table of the fields, then one for each field that has fields of its own. */
const sections = (fields: Fields, prefix: string): ReadonlyArray<string> => [
  table(fields, prefix),
  ...fields.flatMap(([name, schema]) => {
    const inner = fieldsOf(schema)
    return inner.length === 0 ? [] : [`### ${prefix}${name}`, ...sections(inner, `${prefix}${name}.`)]
  }),
]

const text = `${intro}\n## Fields\n\n${sections(fieldsOf(JsonSchema.document("study")), "").join("\n\n")}\n`

if (process.argv.includes("--check")) {
  if ((await Bun.file(file).text()) !== text) {
    console.error("docs/study-file.md is out of date: run bun scripts/reference.ts")
    process.exit(1)
  }
} else await Bun.write(file, text)
