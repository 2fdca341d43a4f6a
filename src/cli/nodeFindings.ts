import { Effect } from "effect"
import { Docker } from "../docker/Docker.ts"
import type { NodeFacts } from "../domain/NodeFacts.ts"
import type { Finding } from "../domain/Notice.ts"
import { embeddedImage } from "../domain/OwnImage.ts"
import type { Resolution } from "../domain/RunnerSpec.ts"
import * as Engines from "../engines/Engines.ts"
import * as Probes from "../platform/probes.ts"
import * as Room from "../preflight/Room.ts"
import * as Layers from "./Layers.ts"
import type { Settings } from "./Settings.ts"

/** The images of a study's containers, other than llem's own, that are not on the node. */
const absentImages = Effect.fnUntraced(function* (images: ReadonlyArray<string>) {
  const docker = yield* Docker
  const found = yield* Effect.forEach(images, (image) => Effect.map(docker.image(image), (info) => ({ image, info })), {
    concurrency: 4,
  })
  return found.flatMap(({ image, info }) => (info === null ? [image] : []))
})

/** What the node's disks and images say about a study that runs engines in containers; it never fails. */
export const of = Effect.fn("nodeFindings.of")(function* (
  settings: Settings,
  facts: NodeFacts,
  resolution: Resolution,
  resultsDirectory: string,
  offline: boolean,
): Effect.fn.Return<ReadonlyArray<Finding>> {
  const inDocker = Engines.available.flatMap((backend) => {
    const runner = resolution.runners[backend]
    return runner?.mode === "docker" ? [runner] : []
  })
  const usesDocker = facts.docker.usable && inDocker.length > 0
  const foreign = inDocker.flatMap(({ image }) => (image === null || image === embeddedImage ? [] : [image]))
  const absent =
    usesDocker && foreign.length > 0
      ? yield* absentImages([...new Set(foreign)]).pipe(
          Effect.catch(() => Effect.succeed([])),
          Effect.provide(Layers.dockerNode(settings, true)),
        )
      : []
  const root = facts.docker.rootDirectory
  const space: Room.FreeSpace = {
    results: { path: resultsDirectory, bytes: yield* Effect.promise(() => Probes.freeBytes(resultsDirectory)) },
    docker:
      usesDocker && root !== undefined
        ? { path: root, bytes: yield* Effect.promise(() => Probes.freeBytes(root)) }
        : null,
  }
  return [...absent.map((image) => Room.missingImage(image, offline)), ...Room.findings(space, absent.length)]
})
