import { Effect } from "effect"
import type { DockerError } from "../domain/Failure.ts"
import type { OwnerIdentity } from "../domain/Owner.ts"
import { plainContainer } from "./ContainerSpec.ts"
import { Docker } from "./Docker.ts"
import { EngineImages } from "./EngineImages.ts"
import { labels, ownerText } from "./Owner.ts"

const limitSeconds = 20

/**
 * The boot id of the machine that the daemon starts containers on, as a container sees it: the proof of whether that
 * is this node. null when the container did not say one.
 */
export const bootIdInside = Effect.fn("BootProbe.bootIdInside")(function* (
  image: string,
  command: ReadonlyArray<string>,
  owner: OwnerIdentity,
  name: string,
): Effect.fn.Return<string | null, DockerError, Docker | EngineImages> {
  const docker = yield* Docker
  const images = yield* EngineImages
  const { info } = yield* images.ensure(image)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.ignore(docker.remove(name)))
      const { id } = yield* docker.create({
        ...plainContainer,
        name,
        image: info.id,
        reference: image,
        command,
        env: { LLEM_CONTAINER: "1" },
        labels: { [labels.owner]: ownerText(owner) },
        temporary: ["/tmp"],
      })
      const pieces: Array<string> = []
      const decoder = new TextDecoder()
      const attached = yield* docker.attach(id, (bytes) => void pieces.push(decoder.decode(bytes, { stream: true })))
      yield* docker.start(id, image)
      yield* Effect.timeoutOption(attached.ended, `${limitSeconds} seconds`)
      const said = pieces.join("").trim()
      return /^[0-9a-f-]{36}$/.test(said) ? said : null
    }),
  )
})
