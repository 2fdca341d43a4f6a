import { Schema } from "effect"

/** A command line that cannot be carried out as it is written (exit code 2). */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String,
  fix: Schema.NullOr(Schema.String),
}) {}
