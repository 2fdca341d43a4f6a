import type { GpuReading, GpuState } from "../../src/domain/GpuReading.ts"

export const mebibyte = 2 ** 20

/** A GPU of which so much is in use; null: its memory cannot be read. */
export const gpu = (uuid: string, usedMebibytes: number | null, over: Partial<GpuState> = {}): GpuState => ({
  index: 0,
  uuid,
  name: "NVIDIA H100",
  memoryTotalBytes: usedMebibytes === null ? null : 81_559 * mebibyte,
  memoryUsedBytes: usedMebibytes === null ? null : usedMebibytes * mebibyte,
  memoryWhy: usedMebibytes === null ? "not supported by this GPU (NVML code 3)" : null,
  processes: [],
  ...over,
})

/** What the driver says where all of it can be read. */
export const reading = (...gpus: ReadonlyArray<GpuState>): GpuReading => ({
  ok: true,
  driverVersion: "580.95.05",
  gpus,
  unreadable: [],
})
