import { Effect, Layer } from "effect"
import * as Terminal from "../platform/terminal.ts"
import { Progress } from "./Progress.ts"

/** Every event as one line of JSON on stderr. */
export const layer = (output: Terminal.Output = Terminal.output(2)) =>
  Layer.effect(
    Progress,
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.sync(output.drain))
      return Progress.of({
        emit: (event) => Effect.sync(() => output.write(`${JSON.stringify(event)}\n`)),
        live: () => Effect.void,
      })
    }),
  )
