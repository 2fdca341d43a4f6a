import { Effect } from "effect"
import { Command } from "effect/cli"
import { version } from "../domain/Version.ts"
import { CommandTree } from "./CommandTree.ts"
import * as Output from "./Output.ts"

export const command = Command.make(
  "man",
  {},
  Effect.fnUntraced(function* () {
    const tree = yield* CommandTree
    const facts = yield* Effect.promise(() => import("./commandFacts.ts"))
    const { render } = yield* Effect.promise(() => import("../report/ManPage.ts"))
    yield* Output.print(render(facts.ofTree(tree), facts.globalFlags, version))
  }),
).pipe(Command.withDescription("llem's manual page in roff: llem man | man -l -"))
