import { Effect, Layer } from "effect"
import { LocalError } from "../domain/Failure.ts"
import type { RunnerMode } from "../domain/RunnerSpec.ts"
import { EngineHost } from "./EngineHost.ts"

type Host = EngineHost["Service"]

const missing = (mode: RunnerMode): LocalError =>
  new LocalError({
    reason: "spawn",
    message: `This run has nothing that starts engines for the runner ${mode}`,
    fix: "Ask for another runner (--runner).",
    details: { mode },
  })

/** One host for a study of several runners: each engine goes to the host of its cell's runner. */
export const layer = (hosts: Readonly<Partial<Record<RunnerMode, Host>>>) =>
  Layer.succeed(
    EngineHost,
    EngineHost.of({
      launch: (launch, context) => {
        const { mode } = context.cell.runner
        return hosts[mode]?.launch(launch, context) ?? Effect.fail(missing(mode))
      },
    }),
  )
