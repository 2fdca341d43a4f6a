import { Schema } from "effect"

export const Severity = Schema.Literals(["info", "warning", "error"])
export type Severity = typeof Severity.Type

/** Something a person must hear once, as data: the command line renders it, the journal records it. */
export const Notice = Schema.Struct({ code: Schema.String, severity: Severity, message: Schema.String })
export type Notice = typeof Notice.Type

/** One preflight finding: what was seen and what to do. A finding with `blocking` keeps the study from running. */
export const Finding = Schema.Struct({
  code: Schema.String,
  message: Schema.String,
  fix: Schema.String,
  blocking: Schema.Boolean,
})
export type Finding = typeof Finding.Type
