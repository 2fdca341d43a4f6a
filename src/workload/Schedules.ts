import { Result } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { Unsupported } from "../engines/Engine.ts"
import * as Random from "./Random.ts"
import type { Schedule } from "./Schedule.ts"

const problem = (field: string, message: string) => Result.fail<Unsupported>({ field, message })

/** Offsets of an arrival process: the first request at once, each gap after it from `gap`. */
const offsets = (count: number, gap: () => number): Float64Array => {
  const times = new Float64Array(count)
  for (let index = 1; index < count; index += 1) times[index] = (times[index - 1] ?? 0) + gap()
  return times
}

/**
 * The schedule of an experiment's load: offline runs static batches of `batchSize`, concurrency a closed loop,
 * constant and poisson send `count` requests at `load.rate` per second whatever comes back. Fails with the field that
 * asks for what the client cannot do.
 */
export const of = (
  experiment: Pick<Experiment, "load" | "random_seed">,
  batchSize: number,
  count: number,
): Result.Result<Schedule, Unsupported> => {
  const { load } = experiment
  if (load.duration_seconds !== undefined)
    return problem("load.duration_seconds", "a load by duration is not supported here; give its length as load.n")
  switch (load.mode) {
    case "offline":
      return Result.succeed({ kind: "batches", batchSize })
    case "concurrency":
      return load.concurrency === undefined
        ? problem("load.concurrency", "is missing: mode concurrency needs the number of requests in flight")
        : Result.succeed({ kind: "closed", concurrency: load.concurrency })
    case "constant":
    case "poisson": {
      const { rate } = load
      if (rate === undefined)
        return problem("load.rate", `is missing: mode ${load.mode} needs the requests sent per second`)
      const random = Random.make(load.seed ?? experiment.random_seed)
      const gap = load.mode === "constant" ? () => 1 / rate : () => -Math.log(1 - random.unit()) / rate
      return Result.succeed({ kind: "open", offsetsSeconds: offsets(count, gap) })
    }
    default:
      return problem("load.mode", `${load.mode} is not supported here; use offline, concurrency, constant or poisson`)
  }
}

/** The most requests that a schedule keeps in flight; an open one has no bound but its number of requests. */
export const concurrency = (schedule: Schedule): number => {
  switch (schedule.kind) {
    case "batches":
      return schedule.batchSize
    case "closed":
      return schedule.concurrency
    case "open":
      return schedule.offsetsSeconds.length
  }
}
