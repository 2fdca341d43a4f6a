import { Schema } from "effect"
import { Backend } from "./Backend.ts"
import { Experiment } from "./Experiment.ts"
import { described } from "./Fields.ts"
import { Notice } from "./Notice.ts"
import { RunnerSpec } from "./RunnerSpec.ts"

const Reason = Schema.Struct({ code: Schema.String, message: Schema.String })

const PlanCell = Schema.Struct({
  index: described(Schema.Int, "The experiment's number in expansion order, from 1, the same in every cycle"),
  cycle: described(Schema.Int, "From 1"),
  hash: described(Schema.String, "sha256 of the resolved experiment; the same on every machine"),
  backend: Backend,
  config: described(Experiment, "The resolved experiment"),
  timeout_seconds: described(Schema.Finite, "Wall-clock limit of the whole cell"),
  timeouts: described(
    Schema.Struct({
      launch_seconds: Schema.Finite,
      warmup_seconds: Schema.Finite,
      window_seconds: Schema.Finite,
      silence_seconds: Schema.Finite,
    }),
    "Limits of its phases; the formula stands in the documentation",
  ),
  skip: described(Schema.NullOr(Reason), "Why this cell will not run; null when it will"),
})

/** `llem plan --json` and plan.json: everything that was decided before anything started. */
export const PlanDocument = Schema.Struct({
  schema: Schema.Literal("llem.plan/1"),
  study: Schema.Struct({
    name: Schema.String,
    kind: Schema.Literals(["study", "experiment"]),
    hash: described(Schema.String, "sha256 over the resolved experiments, before cycles"),
  }),
  counts: Schema.Struct({
    experiments: Schema.Int,
    cycles: Schema.Int,
    cells: Schema.Int,
    skipped: described(Schema.Int, "Invalid combinations of the sweep that were left out"),
  }),
  runners: described(Schema.Record(Schema.String, RunnerSpec), "Where each backend runs, by backend"),
  notices: Schema.Array(Notice),
  preflight: Schema.Struct({
    ready: described(Schema.Boolean, "Whether the study can start on this node"),
    findings: Schema.Array(Schema.Struct({ code: Schema.String, message: Schema.String, fix: Schema.String })),
  }),
  cells: described(Schema.Array(PlanCell), "In the order in which they run"),
  skipped: Schema.Array(Schema.Struct({ reason: Schema.String, config: Schema.Record(Schema.String, Schema.Unknown) })),
  contents: Schema.optionalKey(
    described(
      Schema.Record(Schema.String, Schema.String),
      "In plan.json only: sha256 of each file that the experiments name, by its path as written",
    ),
  ),
})
export type PlanDocument = typeof PlanDocument.Type
