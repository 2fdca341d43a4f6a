import { Context } from "effect"
import type { Command } from "effect/cli"

/** The whole command line: what completions and the manual page are made from. */
export class CommandTree extends Context.Service<CommandTree, Command.Command.Any>()("llem/cli/CommandTree") {}
