import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import * as Output from "./Output.ts"

export const command = Command.make(
  "schema",
  {
    which: Argument.Literals("WHICH", ["study", "experiment", "result", "plan"]).pipe(
      Argument.withDescription("study, experiment, result or plan"),
    ),
  },
  Effect.fnUntraced(function* ({ which }) {
    const schemas = yield* Effect.promise(() => import("../config/JsonSchema.ts"))
    yield* Output.printJson(schemas.document(which))
  }),
).pipe(Command.withDescription("JSON Schema (2020-12) of llem's files, for editors and validators"))
