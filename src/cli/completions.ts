import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { CommandTree } from "./CommandTree.ts"
import * as Output from "./Output.ts"

export const command = Command.make(
  "completions",
  {
    shell: Argument.Literals("SHELL", ["bash", "zsh", "fish"]).pipe(Argument.withDescription("bash, zsh or fish")),
  },
  Effect.fnUntraced(function* ({ shell }) {
    const tree = yield* CommandTree
    const completions = yield* Effect.promise(() => import("./shellCompletions.ts"))
    yield* Output.print(completions.script(tree, shell))
  }),
).pipe(Command.withDescription("A script that completes llem's commands in a shell; it says where to put it"))
