import { Effect, Schema } from "effect"
import { reasonOf } from "../domain/Unknown.ts"
import * as Stdout from "../platform/stdout.ts"
import * as Terminal from "../platform/terminal.ts"
import type { Style } from "../report/Style.ts"
import type { Settings } from "./Settings.ts"

/** What was to be printed could not be (exit code 1). */
export class OutputError extends Schema.TaggedError<OutputError>()("OutputError", { message: Schema.String }) {}

/** Prints a text on standard output, with a newline at its end. */
export const print = (text: string): Effect.Effect<void, OutputError> =>
  Effect.try({
    try: () => void Stdout.write(`${text}\n`),
    catch: (cause) => new OutputError({ message: reasonOf(cause) }),
  })

/** Prints one JSON document on standard output. */
export const printJson = (document: unknown): Effect.Effect<void, OutputError> =>
  Effect.suspend(() => print(JSON.stringify(document, null, 2)))

/** Says something to the person, on standard error. */
export const say = (text: string): Effect.Effect<void> =>
  Effect.sync(() => {
    const output = Terminal.output(2)
    output.write(`${text}\n`)
    output.drain()
  })

/** How text for people is drawn here. */
export const styleOf = (settings: Settings): Style => ({
  width: settings.columns,
  color: settings.color,
  unicode: settings.unicode,
})
