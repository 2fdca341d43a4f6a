import { Schema } from "effect"
import { PlanDocument } from "../domain/PlanDocument.ts"
import { ResultDocument } from "../domain/ResultDocument.ts"
import { ExperimentInput, StudyInput } from "./Input.ts"

/** The files that have a schema. */
export type Subject = "study" | "experiment" | "result" | "plan"

const subjects = {
  study: { schema: StudyInput, title: "llem study file" },
  experiment: { schema: ExperimentInput, title: "llem experiment file" },
  result: { schema: ResultDocument, title: "llem result.json (llem.result/1)" },
  plan: { schema: PlanDocument, title: "llem plan (llem.plan/1)" },
} as const

/** JSON Schema, draft 2020-12, of one of llem's files, made from the schema that decodes it. */
export const document = (subject: Subject): Readonly<Record<string, unknown>> => {
  const { schema, title } = subjects[subject]
  const made = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:llem:schema:${subject}`,
    title,
    ...made.schema,
    ...(Object.keys(made.definitions).length === 0 ? {} : { $defs: made.definitions }),
  }
}
