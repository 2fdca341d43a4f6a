import { Deferred, Effect, type Scope } from "effect"
import { signalOf } from "../docker/Crash.ts"
import type { Attachment, ContainerState, Docker } from "../docker/Docker.ts"
import { DockerError } from "../domain/Failure.ts"
import type { EngineExit } from "./EngineHost.ts"

/** How a container ended, as far as its daemon could still be asked. */
export interface ContainerOutcome {
  /** null when the daemon went away. */
  readonly exitCode: number | null
  readonly state: ContainerState | null
  /** Set when it is not the container but its daemon that was lost. */
  readonly lost: DockerError | null
}

const firstPauseMillis = 50
const longestPauseMillis = 1000

const lost = (cause: DockerError): DockerError =>
  new DockerError({
    reason: "daemon",
    message: `The Docker daemon went away while the engine ran: ${cause.message}`,
    fix: "Check that Docker runs (sudo systemctl status docker); the other cells go on when it is back.",
    details: cause.details,
  })

/** An exit as the harness knows it: code or signal. */
export const exitOf = ({ exitCode }: ContainerOutcome): EngineExit => {
  const signal = exitCode === null ? null : signalOf(exitCode)
  return { code: signal === null ? exitCode : null, signal }
}

/**
 * Watches a started container to its end. Its exit is told by the daemon, or found by asking once its output has
 * ended: one of the two comes also when the daemon lost the other.
 */
export const watch = (
  docker: Docker["Service"],
  id: string,
  attached: Attachment,
  exited: Effect.Effect<number, DockerError>,
): Effect.Effect<Deferred.Deferred<ContainerOutcome>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const outcome = yield* Deferred.make<ContainerOutcome>()
    /** Asks until it has ended. It fails when the daemon cannot be asked any more. */
    const asked = Effect.gen(function* () {
      for (let pause = firstPauseMillis; ; pause = Math.min(pause * 2, longestPauseMillis)) {
        const state = yield* docker.inspect(id)
        if (!state.running) return state.exitCode ?? 0
        yield* Effect.sleep(pause)
      }
    })
    // A connection that breaks off is not yet a daemon that went away.
    const told = Effect.catch(exited, () => asked)
    yield* Effect.raceFirst(told, Effect.andThen(attached.ended, asked)).pipe(
      // Its last words may still be on their way when its end is told.
      Effect.tap(() => Effect.timeoutOption(attached.ended, "2 seconds")),
      Effect.flatMap((exitCode) =>
        docker.inspect(id).pipe(
          Effect.catch(() => Effect.succeed(null)),
          Effect.map((state): ContainerOutcome => ({ exitCode, state, lost: null })),
        ),
      ),
      Effect.catch((error) => Effect.succeed({ exitCode: null, state: null, lost: lost(error) })),
      Effect.flatMap((ended) => Deferred.succeed(outcome, ended)),
      Effect.forkScoped,
    )
    return outcome
  })
