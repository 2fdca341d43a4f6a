import type { GpuProcess, GpuReading, GpuState } from "../domain/GpuReading.ts"
import type { Reason } from "../domain/ResultDocument.ts"

/** A GPU of which others hold more than they should. */
export interface Held {
  readonly uuid: string
  readonly usedMebibytes: number
  /** Null where they cannot be listed. */
  readonly pids: ReadonlyArray<number> | null
  readonly message: string
}

const mebibyte = 2 ** 20
/** Contexts of monitors and display servers stay below; an engine that was left behind does not. */
const allowedBytes = 100 * mebibyte
const pidsNamed = 8

const holders = (processes: ReadonlyArray<GpuProcess> | null): string => {
  if (processes === null) return "its processes cannot be listed"
  const pids = processes.map(({ pid }) => pid)
  if (pids.length === 0) return "no process that holds it is visible here"
  const more = pids.length > pidsNamed ? ` and ${pids.length - pidsNamed} more` : ""
  return `${pids.length === 1 ? "process" : "processes"} ${pids.slice(0, pidsNamed).join(", ")}${more}`
}

const unknown = (message: string): Reason => ({ code: "gpu_memory_unknown", message })

const heldOf = ({ uuid, name, processes }: GpuState, usedBytes: number): Held => {
  const usedMebibytes = Math.round(usedBytes / mebibyte)
  return {
    uuid,
    usedMebibytes,
    pids: processes?.map(({ pid }) => pid) ?? null,
    message: `${usedMebibytes} MiB of ${uuid} (${name}) were in use before the engine started: ${holders(processes)}`,
  }
}

/** Memory that others hold of the given GPUs, and warnings about those of which that is not known. */
export const residual = (
  reading: GpuReading,
  gpuUuids: ReadonlyArray<string>,
): { readonly held: ReadonlyArray<Held>; readonly unknown: ReadonlyArray<Reason> } => {
  const asked = [...new Set(gpuUuids)]
  if (!reading.ok)
    return { held: [], unknown: [unknown(`Whether others use ${asked.join(", ")} is not known: ${reading.reason}`)] }
  const hidden = reading.unreadable.map(({ index, reason }) => `; its GPU ${index} cannot be read: ${reason}`).join("")
  const seen = asked.map((uuid) => {
    const gpu = reading.gpus.find((one) => one.uuid === uuid)
    if (gpu === undefined) return unknown(`Whether others use ${uuid} is not known: NVML does not list it${hidden}`)
    const used = gpu.memoryUsedBytes
    if (used === null)
      return unknown(
        `Whether others use ${uuid} is not known: its memory cannot be read: ${gpu.memoryWhy ?? "no reason"}`,
      )
    return used > allowedBytes ? heldOf(gpu, used) : null
  })
  return {
    held: seen.flatMap((one) => (one !== null && "uuid" in one ? [one] : [])),
    unknown: seen.flatMap((one) => (one !== null && "code" in one ? [one] : [])),
  }
}
