import { Duration, Effect, Layer } from "effect"
import type { Cell } from "../domain/Plan.ts"
import { Timeline } from "../domain/Timeline.ts"
import { type CellContext, Executor } from "./Executor.ts"
import * as MockResult from "./MockResult.ts"
import * as MockScript from "./MockScript.ts"

/**
 * Follows a script instead of running engines. `seconds` pass on the Effect clock, so a test clock drives it; gate,
 * baseline and thermal floor take no time. `host` is the name that results carry.
 */
export const layer = (script: MockScript.MockScript, host: string): Layer.Layer<Executor, never, Timeline> =>
  Layer.effect(
    Executor,
    Effect.gen(function* () {
      const timeline = yield* Timeline

      const execute = Effect.fnUntraced(function* (cell: Cell, context: CellContext) {
        const { backend } = cell.experiment
        const { attempt } = context
        const behaviour = MockScript.behaviourOf(script, { backend, index: cell.index, cycle: cell.cycle, attempt })
        yield* context.onPhase("launch")
        yield* context.onPhase("window")
        const startSeconds = yield* timeline.now
        if (behaviour.seconds > 0) yield* Effect.sleep(Duration.seconds(behaviour.seconds))
        if (behaviour.outcome === "hang") return yield* Effect.never
        if (behaviour.outcome === "defect") return yield* Effect.die(new Error("a scripted defect"))
        if (behaviour.outcome !== "completed") return yield* MockScript.errorOf(behaviour.outcome)
        yield* context.onPhase("stop")
        return MockResult.document({ cell, figures: behaviour.result, anchor: timeline.anchor, startSeconds, host })
      })

      return Executor.of({ scripted: true, execute })
    }),
  )
