import { Effect, Option } from "effect"
import * as BootProbe from "../docker/BootProbe.ts"
import { embeddedImage, inOwnImage } from "../domain/OwnImage.ts"
import * as Owner from "../platform/owner.ts"

const probeSeconds = 60

/**
 * Why a daemon behind a network is of no use: its containers run on another machine, where the meters are not. It
 * starts one to see; null when that shows this node's boot.
 */
export const elsewhere = Effect.fn("DaemonPlace.elsewhere")(function* () {
  const name = `llem-probe-${Owner.randomName()}`
  return yield* BootProbe.bootIdInside(embeddedImage, [inOwnImage.binary, "__boot-id"], Owner.self(), name).pipe(
    Effect.timeoutOption(`${probeSeconds} seconds`),
    Effect.map(
      Option.match({
        onNone: () => `a container that would show where the Docker daemon runs did not within ${probeSeconds} s`,
        onSome: (bootId) =>
          bootId === Owner.bootId()
            ? null
            : "the Docker daemon runs on another machine: a container there shows another boot than this node's",
      }),
    ),
    Effect.catch((error) =>
      Effect.succeed(`whether the Docker daemon runs on this node cannot be shown: ${error.message}`),
    ),
  )
})
