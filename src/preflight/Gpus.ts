import type { GpuReading } from "../domain/GpuReading.ts"
import type { GpuFacts } from "../domain/NodeFacts.ts"

/** GPUs as NVML tells them. */
export const fromNvml = ({ gpus, driverVersion }: Extract<GpuReading, { ok: true }>): ReadonlyArray<GpuFacts> =>
  gpus.map(({ uuid, name, index, memoryTotalBytes }) => ({
    uuid,
    name,
    index,
    ...(driverVersion === null ? {} : { driverVersion }),
    ...(memoryTotalBytes === null ? {} : { memoryBytes: memoryTotalBytes }),
  }))

const field = (text: string, name: string): string | null =>
  new RegExp(`^${name}:[ \\t]*(.+?)[ \\t]*$`, "m").exec(text)?.[1] ?? null

/** A GPU from /proc/driver/nvidia/gpus/<address>/information; null while the driver does not tell its UUID. */
export const fromDriver = (information: string): GpuFacts | null => {
  const uuid = field(information, "GPU UUID")
  const name = field(information, "Model")
  return uuid === null || name === null || uuid.includes("?") ? null : { uuid, name }
}

/** GPUs from `nvidia-smi --query-gpu=uuid,name --format=csv,noheader`. */
export const fromSmi = (csv: string): ReadonlyArray<GpuFacts> =>
  csv.split("\n").flatMap((line) => {
    const comma = line.indexOf(",")
    const uuid = line.slice(0, Math.max(comma, 0)).trim()
    return /^(GPU|MIG)-/.test(uuid) ? [{ uuid, name: line.slice(comma + 1).trim() }] : []
  })
