import { Predicate, Schema } from "effect"
import * as Backend from "../domain/Backend.ts"
import { Experiment } from "../domain/Experiment.ts"
import { PlanDocument } from "../domain/PlanDocument.ts"
import { ResultDocument } from "../domain/ResultDocument.ts"
import { withDefaults } from "./Defaults.ts"
import { ExperimentInput, StudyInput } from "./Input.ts"

/** The files that have a schema. */
export type Subject = "study" | "experiment" | "result" | "plan"
export const subjects: ReadonlyArray<Subject> = ["study", "experiment", "result", "plan"]

type Json = Readonly<Record<string, unknown>>

const described = {
  study: { schema: StudyInput, title: "llem study file", description: "Experiments to run, as a person writes them" },
  experiment: {
    schema: ExperimentInput,
    title: "llem experiment file",
    description: "One experiment, as a person writes it",
  },
  result: {
    schema: ResultDocument,
    title: "llem result.json (llem.result/1)",
    description: "What one run of one experiment measured",
  },
  plan: {
    schema: PlanDocument,
    title: "llem plan (llem.plan/1)",
    description: "What was decided before anything started",
  },
} as const

const byBackend = (what: string): Json => ({
  properties: Object.fromEntries(Backend.all.map((backend) => [backend, { description: `${what} of ${backend}` }])),
})

/** What no schema says about itself: fields that take any value, sections, and fields whose default varies. */
const written: Json = {
  properties: {
    runners: byBackend("Runner"),
    images: byBackend("Container image"),
    pytorch: { properties: { device_map: { description: "Placement of layers on devices" } } },
    vllm: {
      properties: {
        engine: {
          description: "Arguments of the engine",
          properties: {
            compilation_config: { description: "vLLM's compilation settings" },
            attention: { description: "Attention kernels" },
          },
        },
        sampling: { description: "Sampling parameters that only vLLM has" },
        beam_search: { description: "Beam search; not together with sampling" },
      },
    },
  },
}

/** Everything that has the same default whatever the model; `dataset` has its own two forms. */
const defaults = (): Json => {
  const { model, backend, precision, dataset, load, ...rest } = withDefaults({ model: "any" })
  return rest
}

/** A schema with what another one says about the same paths where it says nothing itself. */
const explained = (schema: Json, meaning: unknown, standing: unknown): Json => {
  const text = Predicate.isObject(meaning) && schema["description"] === undefined ? meaning["description"] : undefined
  const fields = schema["properties"]
  const meanings = Predicate.isObject(meaning) ? meaning["properties"] : undefined
  const scalar = standing !== undefined && !Predicate.isObject(standing)
  return {
    ...schema,
    ...(text === undefined ? {} : { description: text }),
    ...(scalar ? { default: standing } : {}),
    ...(Predicate.isObject(fields)
      ? {
          properties: Object.fromEntries(
            Object.entries(fields).map(([name, inner]) => [
              name,
              Predicate.isObject(inner)
                ? explained(
                    inner,
                    Predicate.isObject(meanings) ? meanings[name] : undefined,
                    Predicate.isObject(standing) ? standing[name] : undefined,
                  )
                : inner,
            ]),
          ),
        }
      : {}),
  }
}

const made = (schema: Schema.Constraint): Json => {
  const { schema: root, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return { ...root, ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }) }
}

const anyOf = (...names: ReadonlyArray<string>): Json => ({ anyOf: names.map((name) => ({ required: [name] })) })

/** What a file must have: an experiment its model, unless the base has it; a study what makes it one. */
const needed = { study: anyOf("sweep", "groups", "experiments"), experiment: anyOf("model", "base") }

/** An input schema with the meanings and defaults that the resolved experiment has for the same fields. */
const input = (subject: "study" | "experiment"): Json => {
  const { required, ...schema } = made(described[subject].schema)
  return { ...explained(explained(schema, made(Experiment), defaults()), written, undefined), ...needed[subject] }
}

/** JSON Schema, draft 2020-12, of one of llem's files, made from the schema that decodes it. */
export const document = (subject: Subject): Json => {
  const { title, description } = described[subject]
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:llem:schema:${subject}`,
    title,
    description,
    ...(subject === "study" || subject === "experiment" ? input(subject) : made(described[subject].schema)),
  }
}
