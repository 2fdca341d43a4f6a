import { Effect, Layer } from "effect"
import * as BootProbe from "../docker/BootProbe.ts"
import { type DaemonInfo, Docker } from "../docker/Docker.ts"
import * as Facts from "../docker/Facts.ts"
import * as NodeDocker from "../docker/nodeDocker.ts"
import * as NodeImages from "../docker/nodeImages.ts"
import type { DockerFacts } from "../domain/NodeFacts.ts"
import { embeddedImage, inOwnImage } from "../domain/OwnImage.ts"
import * as Owner from "../platform/owner.ts"

/** What is needed to make llem's own image, with which a daemon behind a network shows where it runs. */
export interface ProbeImage {
  readonly binary: string | null
  readonly cacheDirectories: ReadonlyArray<string>
}

/** What the daemon said, to be judged once the rest of the node is known. */
export type Asked =
  | { readonly kind: "facts"; readonly facts: DockerFacts }
  | { readonly kind: "info"; readonly info: DaemonInfo; readonly where: string }

const limitSeconds = 3

const facts = (code: string, reason: string): Asked => ({ kind: "facts", facts: { usable: false, code, reason } })

/** A daemon behind a network is of use only when its containers show this node's boot. */
const elsewhere = (where: string, image: ProbeImage) =>
  BootProbe.bootIdInside(
    embeddedImage,
    [inOwnImage.binary, "__boot-id"],
    Owner.self(),
    `llem-probe-${Owner.randomName()}`,
  ).pipe(
    Effect.map((bootId) =>
      bootId === Owner.bootId()
        ? null
        : `the daemon at ${where} runs on another machine: a container there shows another boot than this node's`,
    ),
    Effect.catch((error) =>
      Effect.succeed(`whether the daemon at ${where} runs on this node cannot be shown: ${error.message}`),
    ),
    Effect.provide(
      NodeImages.layer({ ...image, offline: true, login: () => Effect.succeed({ auth: null, reason: null }) }),
    ),
  )

/** Asks this node's Docker daemon about itself; it never fails, and never takes long. */
export const ask = Effect.fn("preflight.askDocker")(function* (
  variables: Readonly<Record<string, string | undefined>>,
  image: ProbeImage,
) {
  const found = yield* Effect.promise(() => NodeDocker.find(variables))
  if (found.kind === "unusable") return facts(found.code, found.reason)
  return yield* Effect.gen(function* () {
    const docker = yield* Docker
    const answer = yield* docker.info.pipe(
      Effect.map((info): Asked => ({ kind: "info", info, where: found.where })),
      Effect.catch((error) => Effect.succeed<Asked>({ kind: "facts", facts: Facts.refused(error, found.where) })),
      Effect.timeoutOrElse({
        duration: `${limitSeconds} seconds`,
        orElse: () =>
          Effect.succeed(
            facts("docker_unavailable", `the daemon at ${found.where} did not answer within ${limitSeconds} s`),
          ),
      }),
    )
    if (answer.kind === "facts" || !found.overNetwork) return answer
    const problem = yield* elsewhere(found.where, image)
    return problem === null ? answer : facts("docker_remote", problem)
  }).pipe(Effect.provide(Layer.fresh(NodeDocker.over(found))))
})

/** The daemon's answer as facts, with what is known of this node by now. */
export const judge = (asked: Asked, host: Facts.HostSide): DockerFacts =>
  asked.kind === "facts" ? asked.facts : Facts.judged(asked.info, asked.where, host)
