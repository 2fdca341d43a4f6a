import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { reasonOf } from "../domain/Unknown.ts"
import * as Files from "../platform/configFiles.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as Output from "./Output.ts"
import { UsageError } from "./UsageError.ts"

const text = `# A study: every combination of the values under sweep is one experiment.
# llem plan FILE shows what would run; llem run FILE runs it.
name: first-study

# A synthetic model is generated on the spot. Put a path to a GGUF file here to measure a real one.
model: synthetic:15m-q4_0

# Prompts and outputs of exact lengths, in tokens.
dataset: { n: 16, input_len: 64, output_len: 32, seed: 42 }

sweep:
  embedded.batch_size: [1, 4]

execution:
  n_cycles: 2              # how often each experiment runs; more cycles narrow the intervals
  cycle_order: shuffled    # so that drift of the machine does not favour one of them

# Short, so that this first study takes less than a minute. For results to rely on, leave these out:
# the defaults are a 60 s thermal floor and a 30 s baseline, and a window should last 10 s or more.
warmup: { n_warmup: 4, thermal_floor_seconds: 0 }
baseline: { enabled: false }
`

export const command = Command.make(
  "init",
  {
    file: Argument.String("FILE").pipe(
      Argument.withDescription("Name of the new file; default study.yaml"),
      Argument.optional,
    ),
  },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const name = Option.getOrElse(input.file, () => "study.yaml")
    const path = Files.under(settings.workingDirectory, name)
    const written = yield* Effect.tryPromise({
      try: () => Files.writeNew(path, text),
      catch: (cause) =>
        new UsageError({
          message: `${name} cannot be written: ${reasonOf(cause)}`,
          fix: null,
        }),
    })
    if (!written)
      return yield* new UsageError({ message: `${name} is there already`, fix: "Give another name: llem init FILE." })
    return yield* Output.print(`Wrote ${name}. Next: llem run ${name}`)
  }),
).pipe(Command.withDescription("Write a commented study file that runs here"))
