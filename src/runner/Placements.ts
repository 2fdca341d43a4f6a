import type { Backend } from "../domain/Backend.ts"
import type { Experiment } from "../domain/Experiment.ts"
import type { GpuFacts } from "../domain/NodeFacts.ts"

/** Whether a backend computes on GPUs when the node has some and nothing else is said. */
export const gpuByDefault = (backend: Backend): boolean => backend !== "embedded" && backend !== "endpoint"

/** Whether an experiment computes on GPUs when the node has some and it names none. */
export const usesGpu = (experiment: Pick<Experiment, "backend" | "embedded" | "llamacpp">): boolean => {
  const { backend, embedded, llamacpp } = experiment
  if (backend === "embedded") return (embedded?.gpu_layers ?? 0) > 0
  if (backend === "llamacpp") return llamacpp?.gpu_layers !== 0
  return gpuByDefault(backend)
}

/**
 * UUIDs of the GPUs that an experiment gets: those that `devices` names by index or UUID, all of the node for a
 * backend that uses GPUs, else none. A name that fits no GPU stays as it is, so that whoever hands it on refuses it.
 */
export const gpusOf = (experiment: Experiment, gpus: ReadonlyArray<GpuFacts>): ReadonlyArray<string> => {
  const { devices } = experiment
  if (devices === "none") return []
  if (devices === undefined && !usesGpu(experiment)) return []
  if (devices === undefined || devices === "all") return gpus.map(({ uuid }) => uuid)
  const named = devices.map((device) => {
    if (typeof device !== "number") return device
    const found = gpus.find(({ index }, position) => (index ?? position) === device)
    return found?.uuid ?? String(device)
  })
  return [...new Set(named)]
}
