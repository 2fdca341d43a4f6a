import { Effect, Layer } from "effect"
import * as Terminal from "../platform/terminal.ts"
import * as ProgressText from "../report/ProgressText.ts"
import * as StudyProgress from "../report/StudyProgress.ts"
import type { Style } from "../report/Style.ts"
import { Progress } from "./Progress.ts"

/** The time of day (UTC) of an event's `at`. */
const timeOfDay = (at: string): string => at.slice(11, 19)

/** Every transition as one readable line on stderr, with its time of day in UTC. */
export const layer = (style: Style, output: Terminal.Output = Terminal.output(2)) =>
  Layer.effect(
    Progress,
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.sync(output.drain))
      let progress = StudyProgress.initial
      return Progress.of({
        emit: (event) =>
          Effect.sync(() => {
            const before = progress
            progress = StudyProgress.apply(before, event, 0)
            const line = ProgressText.line(event, before, progress, "all", style)
            if (line !== null) output.write(`${timeOfDay(event.at)} ${line}\n`)
          }),
        live: () => Effect.void,
      })
    }),
  )
