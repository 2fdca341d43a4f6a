import { Effect } from "effect"
import type { DockerError } from "../domain/Failure.ts"
import type { OwnerIdentity } from "../domain/Owner.ts"
import { Docker, type Labelled } from "./Docker.ts"
import { labels, parseOwner } from "./Owner.ts"

/** What was left behind by processes that are gone. */
export interface Leftovers {
  readonly containers: ReadonlyArray<Labelled>
  readonly networks: ReadonlyArray<Labelled>
}

const orphans = (all: ReadonlyArray<Labelled>, isGone: (owner: OwnerIdentity) => boolean) =>
  all.filter((one) => {
    const owner = parseOwner(one.labels[labels.owner] ?? "")
    return owner !== null && isGone(owner)
  })

/** Containers and networks of llem whose owner is provably gone. */
export const find = Effect.fn("Reap.find")(function* (
  isGone: (owner: OwnerIdentity) => boolean,
): Effect.fn.Return<Leftovers, DockerError, Docker> {
  const docker = yield* Docker
  const [containers, networks] = yield* Effect.all([docker.containers(labels.owner), docker.networks(labels.owner)], {
    concurrency: 2,
  })
  return { containers: orphans(containers, isGone), networks: orphans(networks, isGone) }
})

/** What of the leftovers is gone, and what the daemon said of each that is not. */
export interface Removal {
  readonly removed: Leftovers
  readonly failures: ReadonlyArray<DockerError>
}

/**
 * Removes leftovers, the containers first: a network goes only when nothing is in it. One that stays keeps none of
 * the others.
 */
export const remove = Effect.fn("Reap.remove")(function* (
  leftovers: Leftovers,
): Effect.fn.Return<Removal, never, Docker> {
  const docker = yield* Docker
  const each = (those: ReadonlyArray<Labelled>, take: (id: string) => Effect.Effect<void, DockerError>) =>
    Effect.partition(those, (one) => Effect.as(take(one.id), one))
  const [containers, keptContainers] = yield* each(leftovers.containers, (id) => docker.remove(id))
  const [networks, keptNetworks] = yield* each(leftovers.networks, (id) => docker.removeNetwork(id))
  return { removed: { containers, networks }, failures: [...keptContainers, ...keptNetworks] }
})
