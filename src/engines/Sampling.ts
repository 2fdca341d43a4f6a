import type { Experiment } from "../domain/Experiment.ts"
import type { WorkloadRequest } from "../domain/Request.ts"

const range = 2 ** 31

/** Whether tokens are drawn at random; else the likeliest is taken. */
export const isSampled = ({ decoder }: Experiment): boolean => decoder.do_sample && decoder.temperature > 0

const folded = (seed: number): number => ((seed % range) + range) % range

/** The seed of the engine itself, 0 to 2^31 - 1. */
export const engineSeed = ({ random_seed }: Experiment): number => folded(random_seed)

/** A seed for each request, 0 to 2^31 - 1: the same request of the same experiment always has the same one. */
export const seedOf = (experiment: Experiment, request: WorkloadRequest): number =>
  folded(experiment.random_seed + request.id)
