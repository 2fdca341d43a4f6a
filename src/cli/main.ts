import { Effect, Fiber, Layer, Ref } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import type { EndingSignal } from "../domain/EndingSignal.ts"
import { version } from "../domain/Version.ts"
import * as Platform from "../platform/cliServices.ts"
import * as Environment from "../platform/environment.ts"
import * as Signals from "../platform/signals.ts"
import { ofSignal } from "../runner/Exit.ts"
import * as bundle from "./bundle.ts"
import { CommandTree } from "./CommandTree.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as completions from "./completions.ts"
import * as doctor from "./doctor.ts"
import { describe } from "./Ending.ts"
import * as images from "./images.ts"
import * as init from "./init.ts"
import * as licenses from "./licenses.ts"
import * as man from "./man.ts"
import * as Output from "./Output.ts"
import * as plan from "./plan.ts"
import * as Presenter from "./presenter.ts"
import { type Ending, RunExit } from "./RunExit.ts"
import * as results from "./results.ts"
import * as run from "./run.ts"
import * as Settings from "./Settings.ts"
import * as schema from "./schema.ts"

const root = Command.make("llem").pipe(
  Command.withDescription("Measures what LLM inference costs: joules, tokens per second and latency"),
  Command.withGlobalFlags([Presenter.version]),
  Command.withSubcommands([
    run.command,
    plan.command,
    results.command,
    doctor.command,
    images.command,
    bundle.command,
    init.command,
    schema.command,
    completions.command,
    man.command,
    licenses.command,
  ]),
)

/** Runs the command line to its end and leaves the process with the code that it earned. */
export const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  Environment.quietDeprecations()
  const settings = Settings.from(Environment.read())
  const ending = Ref.makeUnsafe<Ending>({ code: 0, studyDirectory: null })
  const program = Command.runWith(root, { version })(argv).pipe(
    Effect.provide(
      Layer.mergeAll(
        Layer.succeed(RunExit, ending),
        Layer.succeed(CurrentSettings, settings),
        Layer.succeed(CommandTree, root),
        CliConfig.layer({ builtIns: [GlobalFlag.Help] }),
        Platform.layer,
        Presenter.layer,
      ),
    ),
  )
  let signalled: EndingSignal | null = null
  const fiber = Effect.runFork(program)
  Signals.onEndingSignals(
    (signal) => {
      signalled = signal
      fiber.interruptUnsafe()
    },
    (signal) => {
      const { studyDirectory } = Ref.getUnsafe(ending)
      const where = studyDirectory === null ? "" : ` What had finished is in ${studyDirectory}.`
      Effect.runSync(
        Output.say(
          `Stopped at once.${where} What it leaves in Docker, if anything, is removed by the next llem run or by llem doctor --fix.`,
        ),
      )
      Signals.exit(ofSignal(signal))
    },
  )
  const outcome = await Effect.runPromise(Fiber.await(fiber))
  const verbose = argv.includes("-v") || argv.includes("--verbose")
  const said = describe(outcome, Ref.getUnsafe(ending), signalled, verbose)
  if (said.message !== null) await Effect.runPromise(Output.say(said.message))
  Signals.exit(said.code)
}
