import { Effect } from "effect"
import { CliOutput, Flag, GlobalFlag } from "effect/cli"
import { version as current } from "../domain/Version.ts"
import * as Output from "./Output.ts"

/** Help goes to standard output; what is wrong with a command line to standard error, with the command that helps. */
export const layer = CliOutput.layerPresenter({
  present: Effect.fnUntraced(function* (event) {
    if (event._tag !== "InvalidInvocation") return yield* CliOutput.defaultPresenter.present(event)
    const lines = event.errors.map((error) => error.message.trim())
    yield* Output.say([...lines, `See ${event.commandPath.join(" ")} --help`].join("\n"))
  }),
})

/** `--version` has no short form here: -v is verbose. */
export const version = GlobalFlag.Action({
  flag: Flag.Boolean("version").pipe(Flag.withDescription("Show llem's version"), Flag.withDefault(false)),
  run: () => Effect.orDie(Output.print(`llem ${current}`)),
})
