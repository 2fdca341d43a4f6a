import { Command, Completions, GlobalFlag } from "effect/cli"
import * as Presenter from "./presenter.ts"

/** Flags that every command has. */
export const globalFlags: ReadonlyArray<Completions.FlagDescriptor> = Completions.fromCommand(
  Command.make("llem", { help: GlobalFlag.Help.flag, version: Presenter.version.flag }),
).flags.map((flag) => ({ ...flag, negation: false }))

/**
 * The command tree as data. Nobody turns off what is off already, so no flag is offered with `--no-` before it.
 */
export const ofTree = (root: Command.Command.Any): Completions.CommandDescriptor => {
  const plain = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
    ...command,
    flags: command.flags.map((flag) => ({ ...flag, negation: false })),
    subcommands: command.subcommands.map(plain),
  })
  return plain(Completions.fromCommand(root))
}
