import type { Experiment } from "../domain/Experiment.ts"
import type { Finding } from "../domain/Notice.ts"

/** Threads that an experiment's engine is told to compute with; null where it chooses itself. */
const threadsOf = ({ backend, embedded, llamacpp }: Experiment): number | null =>
  (backend === "embedded" ? embedded?.threads : backend === "llamacpp" ? llamacpp?.threads : undefined) ?? null

/**
 * Engines of llama.cpp that get as many threads as there are processors, or more: its threads wait for each other by
 * spinning, and one that has to share a processor stalls all of them, many times over.
 */
export const findings = (experiments: ReadonlyArray<Experiment>, processors: number): ReadonlyArray<Finding> => {
  const most = Math.max(0, ...experiments.map((experiment) => threadsOf(experiment) ?? 0))
  return processors > 1 && most >= processors
    ? [
        {
          code: "threads_many",
          message: `An engine gets ${most} threads, and this node has ${processors} processors: the load generator and the meters take part of one, and the engine's threads spin while they wait for each other.`,
          fix: `Give it at most ${processors - 1} (threads), or leave that out: the embedded engine measures how many are best.`,
          blocking: false,
        },
      ]
    : []
}
