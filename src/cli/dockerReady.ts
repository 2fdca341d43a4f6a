import { Effect } from "effect"
import { Docker, type PullProgress } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import * as Reap from "../docker/Reap.ts"
import type { Plan } from "../domain/Plan.ts"
import * as Owner from "../platform/owner.ts"
import * as Output from "./Output.ts"

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

/** One line about a pull. */
export const pullLine = (image: string, { layers, layersDone, bytes, bytesDone }: PullProgress): string =>
  `pulling ${image}: ${layersDone} of ${layers} layers, ${megabytes(bytesDone)} of ${megabytes(bytes)}`

/** How many containers and networks of llem processes that are gone there are. */
export const left = Effect.fn("dockerReady.left")(function* () {
  const { containers, networks } = yield* Reap.find(Owner.isGone)
  return { containers: containers.length, networks: networks.length }
})

/** Containers and networks of llem processes that are gone: removed, and how many there were. */
export const sweep = Effect.fn("dockerReady.sweep")(function* () {
  const left = yield* Reap.find(Owner.isGone)
  yield* Reap.remove(left)
  return { containers: left.containers.length, networks: left.networks.length }
})

/** Makes an image ready and says what takes time; what cannot be had is left to the cells that need it. */
const fetch = Effect.fnUntraced(function* (image: string, quiet: boolean, offline: boolean) {
  const images = yield* EngineImages
  let progress: PullProgress | null = null
  const saying = Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep("5 seconds")
      if (progress !== null) yield* Output.say(pullLine(image, progress))
    }
  })
  const ensured = images.ensure(image, (now) => {
    progress = now
  })
  const ready = yield* Effect.raceFirst(Effect.result(ensured), quiet ? Effect.never : saying)
  if (quiet) return
  // Without a network it has been said that the image is missing; its cells will say it again.
  if (ready._tag === "Failure" && offline) return
  if (ready._tag === "Failure") yield* Output.say(`warning: ${ready.failure.message}\n  ${ready.failure.fix}`)
  else if (ready.success.source !== "present") yield* Output.say(`${image}: ${ready.success.source}`)
})

/**
 * Docker made ready for a plan: what dead runs left there goes, and every image is there before the first cell, so
 * that no cell's time goes into pulling.
 */
export const ready = Effect.fn("dockerReady.ready")(function* (plan: Plan, quiet: boolean, offline: boolean) {
  yield* Docker.use(() => Effect.ignore(sweep()))
  const images = plan.cells.flatMap(({ skip, runner }) =>
    skip === null && runner.mode === "docker" && runner.image !== null ? [runner.image] : [],
  )
  yield* Effect.forEach([...new Set(images)], (image) => fetch(image, quiet, offline), { discard: true })
})
