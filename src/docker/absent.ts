import { Effect, Layer } from "effect"
import type { DockerError } from "../domain/Failure.ts"
import { Docker } from "./Docker.ts"

/** A node without a daemon that can be used: everything fails with the same reason. */
export const layer = (reason: DockerError): Layer.Layer<Docker> => {
  const fail = () => Effect.fail(reason)
  return Layer.succeed(
    Docker,
    Docker.of({
      info: fail(),
      image: fail,
      pull: fail,
      load: fail,
      save: fail,
      create: fail,
      attach: fail,
      awaitExit: fail,
      start: fail,
      kill: fail,
      inspect: fail,
      remove: fail,
      containers: fail,
      createNetwork: fail,
      removeNetwork: fail,
      networks: fail,
    }),
  )
}
