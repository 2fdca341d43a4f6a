import { Effect, Layer } from "effect"
import { type DaemonInfo, Docker } from "../docker/Docker.ts"
import * as Facts from "../docker/Facts.ts"
import * as NodeDocker from "../docker/nodeDocker.ts"
import type { DockerFacts } from "../domain/NodeFacts.ts"

/** What the daemon said, to be judged once the rest of the node is known. */
export type Asked =
  | { readonly kind: "facts"; readonly facts: DockerFacts }
  | { readonly kind: "info"; readonly info: DaemonInfo; readonly where: string; readonly overNetwork: boolean }

const limitSeconds = 3

const facts = (code: string, reason: string): Asked => ({ kind: "facts", facts: { usable: false, code, reason } })

/** Asks this node's Docker daemon about itself; it never fails, and never takes long. */
export const ask = Effect.fn("preflight.askDocker")(function* (
  variables: Readonly<Record<string, string | undefined>>,
) {
  const found = yield* Effect.promise(() => NodeDocker.find(variables))
  if (found.kind === "unusable") return facts(found.code, found.reason)
  return yield* Effect.gen(function* () {
    const docker = yield* Docker
    return yield* docker.info.pipe(
      Effect.map((info): Asked => ({ kind: "info", info, where: found.where, overNetwork: found.overNetwork })),
      Effect.catch((error) => Effect.succeed<Asked>({ kind: "facts", facts: Facts.refused(error, found.where) })),
      Effect.timeoutOrElse({
        duration: `${limitSeconds} seconds`,
        orElse: () =>
          Effect.succeed(
            facts("docker_unavailable", `the daemon at ${found.where} did not answer within ${limitSeconds} s`),
          ),
      }),
    )
  }).pipe(Effect.provide(Layer.fresh(NodeDocker.over(found))))
})

/** The daemon's answer as facts, with what is known of this node by now. */
export const judge = (asked: Asked, host: Facts.HostSide): DockerFacts =>
  asked.kind === "facts"
    ? asked.facts
    : {
        ...Facts.judged(asked.info, asked.where, host),
        overNetwork: asked.overNetwork,
      }
