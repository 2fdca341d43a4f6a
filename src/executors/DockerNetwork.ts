import { Effect, Ref, type Scope, Semaphore } from "effect"
import type { DaemonInfo, Docker } from "../docker/Docker.ts"
import { labels } from "../docker/Owner.ts"
import type { DockerError } from "../domain/Failure.ts"

/** The network that engines are reached through. */
export interface EngineNetwork {
  readonly name: string
  /** Whether a port is published on the loopback interface, for the containers' own addresses are out of reach. */
  readonly published: boolean
}

/**
 * One private bridge without a way out for all engines of this process, made when first needed, made again where a
 * daemon that restarted has lost it, removed with the scope. A rootless daemon's bridges cannot be reached from the
 * node: there a port is published instead.
 */
export const make = (
  docker: Docker["Service"],
  info: Effect.Effect<DaemonInfo, DockerError>,
  name: string,
  owner: string,
): Effect.Effect<Effect.Effect<EngineNetwork, DockerError>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lock = yield* Semaphore.make(1)
    const made = yield* Ref.make(false)
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Ref.get(made), (there) => (there ? Effect.ignore(docker.removeNetwork(name)) : Effect.void)),
    )
    return lock.withPermits(1)(
      Effect.gen(function* () {
        const { rootless } = yield* info
        const there =
          (yield* Ref.get(made)) && (yield* docker.networks(labels.owner)).some((network) => network.name === name)
        // Noted before it is made: an answer that never comes must not leave it behind.
        yield* Ref.set(made, true)
        if (!there) yield* Effect.uninterruptible(docker.createNetwork(name, { [labels.owner]: owner }, !rootless))
        return { name, published: rootless }
      }),
    )
  })
