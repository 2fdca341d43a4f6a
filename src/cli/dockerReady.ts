import { Effect } from "effect"
import { Docker, type PullProgress } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import * as Reap from "../docker/Reap.ts"
import type { Plan } from "../domain/Plan.ts"
import * as Owner from "../platform/owner.ts"
import { megabytes } from "../report/Numbers.ts"
import * as Output from "./Output.ts"

/** One line about a pull. */
const pullLine = (image: string, { layers, layersDone, bytes, bytesDone }: PullProgress): string =>
  `pulling ${image}: ${layersDone} of ${layers} layers, ${megabytes(bytesDone)} of ${megabytes(bytes)}`

const counted = ({ containers, networks }: Reap.Leftovers) => ({
  containers: containers.length,
  networks: networks.length,
})

/** How many containers and networks of llem processes that are gone there are. */
export const left = Effect.fn("dockerReady.left")(function* () {
  return counted(yield* Reap.find(Owner.isGone))
})

/** Containers and networks of llem processes that are gone: removed, and how many there were. */
export const sweep = Effect.fn("dockerReady.sweep")(function* () {
  const leftovers = yield* Reap.find(Owner.isGone)
  yield* Reap.remove(leftovers)
  return counted(leftovers)
})

/** Makes an image ready; every so many seconds it says how far a pull has come since. */
export const ensure = Effect.fn("dockerReady.ensure")(function* (image: string, everySeconds: number) {
  const images = yield* EngineImages
  let line = ""
  const saying = Effect.gen(function* () {
    let said = ""
    while (true) {
      yield* Effect.sleep(`${everySeconds} seconds`)
      if (line !== said) yield* Output.say(line)
      said = line
    }
  })
  const ensured = images.ensure(image, (progress) => {
    line = pullLine(image, progress)
  })
  return yield* Effect.raceFirst(ensured, saying)
})

/** Makes an image ready and says what takes time; what cannot be had is left to the cells that need it. */
const fetch = Effect.fnUntraced(function* (image: string, quiet: boolean, offline: boolean) {
  if (quiet) return yield* Effect.ignore(EngineImages.use((images) => images.ensure(image)))
  const ready = yield* Effect.result(ensure(image, 5))
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
