import { Effect, Layer } from "effect"
import { Timeline } from "../domain/Timeline.ts"
import { monotonicSeconds } from "./libc.ts"

/** The real clock: CLOCK_MONOTONIC, anchored once to real time when the layer is built. */
export const layer = Layer.sync(Timeline, () => {
  const before = monotonicSeconds()
  const unixMicros = Math.round((performance.timeOrigin + performance.now()) * 1000)
  const after = monotonicSeconds()
  return Timeline.of({
    now: Effect.sync(monotonicSeconds),
    anchor: { monotonicSeconds: (before + after) / 2, unixMicros },
  })
})
