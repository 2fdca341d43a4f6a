import { Result, Schema } from "effect"
import type { PlannedCell } from "./Manifest.ts"

const Record = Schema.Record(Schema.String, Schema.Unknown)

/** The parts of plan.json that the fold over a journal needs; whatever else stands there is left alone. */
const Planned = Schema.Struct({
  study: Schema.Struct({ name: Schema.String, hash: Schema.String }),
  runners: Schema.Record(Schema.String, Schema.Struct({ mode: Schema.String })),
  cells: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      cycle: Schema.Int,
      hash: Schema.String,
      backend: Schema.String,
      config: Record,
    }),
  ),
})

/** What a plan.json says of its study. */
export interface ReadPlan {
  readonly study: { readonly name: string; readonly hash: string }
  readonly cells: ReadonlyArray<PlannedCell>
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Planned))

/** Reads plan.json's text; null when it is not a plan. */
export const parse = (text: string): ReadPlan | null =>
  Result.match(decode(text), {
    onFailure: () => null,
    onSuccess: ({ study, runners, cells }) => ({
      study,
      cells: cells.map((cell) => ({ ...cell, runner: runners[cell.backend]?.mode ?? "local" })),
    }),
  })
