import { Effect } from "effect"
import type { PullProgress } from "../docker/Docker.ts"
import { EngineImages } from "../docker/EngineImages.ts"
import * as Pull from "../docker/PullProgress.ts"
import * as Reap from "../docker/Reap.ts"
import type { Plan } from "../domain/Plan.ts"
import * as Owner from "../platform/owner.ts"
import * as DaemonPlace from "../preflight/DaemonPlace.ts"
import { PreFlightError } from "../preflight/Judge.ts"
import { duration, megabytes } from "../report/Numbers.ts"
import * as Output from "./Output.ts"

/** One line about a pull. */
const pullLine = (image: string, now: PullProgress, secondsLeft: number | null): string =>
  `pulling ${image}: ${now.layersDone} of ${now.layers} layers, ${megabytes(now.bytesDone)} of ${megabytes(now.bytes)}${
    secondsLeft === null ? "" : `, ${duration(secondsLeft)} left`
  }`

const counted = ({ containers, networks }: Reap.Leftovers) => ({
  containers: containers.length,
  networks: networks.length,
})

/** How many containers and networks of llem processes that are gone there are. */
export const left = Effect.fn("dockerReady.left")(function* () {
  return counted(yield* Reap.find(Owner.isGone))
})

/** Containers and networks of llem processes that are gone: removed, how many there were, and what would not go. */
export const sweep = Effect.fn("dockerReady.sweep")(function* () {
  const { removed, failures } = yield* Reap.remove(yield* Reap.find(Owner.isGone))
  return { ...counted(removed), failures: failures.map(({ message }) => message) }
})

/** A daemon that is of no use as what keeps a study from running. */
const notHere = (reason: string): PreFlightError =>
  new PreFlightError({
    findings: [
      {
        code: "docker_remote",
        message: `Engines cannot run in Docker here: ${reason}.`,
        fix: "Use a Docker daemon of this node (unset DOCKER_HOST, docker context use default), or --runner local.",
        blocking: true,
      },
    ],
  })

/** Makes an image ready; every so many seconds it says how far a pull has come since. */
export const ensure = Effect.fn("dockerReady.ensure")(function* (image: string, everySeconds: number) {
  const images = yield* EngineImages
  let now: PullProgress | null = null
  const saying = Effect.gen(function* () {
    let said = ""
    let first: PullProgress | null = null
    for (let elapsed = 0; ; elapsed += everySeconds) {
      yield* Effect.sleep(`${everySeconds} seconds`)
      if (now === null) continue
      if (first === null) {
        first = now
        elapsed = 0
      }
      const line = pullLine(image, now, Pull.secondsLeft(first, now, elapsed))
      if (line !== said) yield* Output.say(line)
      said = line
    }
  })
  const ensured = images.ensure(image, (progress) => {
    now = progress
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
export const ready = Effect.fn("dockerReady.ready")(function* (
  plan: Plan,
  how: { readonly quiet: boolean; readonly offline: boolean; readonly overNetwork: boolean },
) {
  const reason = how.overNetwork ? yield* DaemonPlace.elsewhere() : null
  if (reason !== null) return yield* notHere(reason)
  yield* Effect.ignore(sweep())
  const images = plan.cells.flatMap(({ skip, runner }) =>
    skip === null && runner.mode === "docker" && runner.image !== null ? [runner.image] : [],
  )
  yield* Effect.forEach([...new Set(images)], (image) => fetch(image, how.quiet, how.offline), { discard: true })
})
