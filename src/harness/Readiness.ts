import { Effect } from "effect"
import { EngineError, type ExecutionError } from "../domain/Failure.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import type { EngineHandle } from "../executors/EngineHost.ts"

const poll = (handle: EngineHandle, path: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    let pauseMillis = 20
    while (true) {
      const answer = yield* handle.ask("GET", path)
      if (answer !== null && answer.status === 200) return
      yield* Effect.sleep(`${pauseMillis} millis`)
      pauseMillis = Math.min(500, pauseMillis * 1.5)
    }
  })

/** Fails with the typed crash as soon as the engine ends by itself; never succeeds. */
export const crash = (handle: EngineHandle): Effect.Effect<never, ExecutionError> =>
  Effect.gen(function* () {
    const exit = yield* handle.exit
    return yield* Effect.fail(yield* handle.crashError(exit))
  })

/** Runs an effect for as long as the engine lives; its crash ends the effect and is the failure. */
export const whileAlive = <A, E, R>(
  handle: EngineHandle,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | ExecutionError, R> => Effect.raceFirst(effect, crash(handle))

/** Waits until the engine answers on its readiness path while its process is alive. */
export const awaitReady = Effect.fn("Readiness.awaitReady")(function* (
  handle: EngineHandle,
  launch: EngineLaunch,
  timeoutSeconds: number,
) {
  const ready = yield* whileAlive(
    handle,
    Effect.timeoutOption(poll(handle, launch.readinessPath), `${timeoutSeconds} seconds`),
  )
  if (ready._tag === "Some") return
  const logTail = yield* handle.logTail
  return yield* new EngineError({
    reason: "ready_timeout",
    message: `The ${launch.backend} engine was not ready after ${timeoutSeconds} s`,
    fix: "See its log; a large model may need a longer execution.timeouts.launch_seconds.",
    details: { log_tail: logTail, readiness_path: launch.readinessPath },
  })
})
