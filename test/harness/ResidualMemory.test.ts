import { describe, expect, test } from "bun:test"
import type { GpuReading, GpuState } from "../../src/domain/GpuReading.ts"
import { residual } from "../../src/harness/ResidualMemory.ts"
import { gpu, mebibyte, reading } from "../lib/gpus.ts"

describe("residual memory", () => {
  const one = (state: GpuState) => residual(reading(state), ["GPU-a"])

  test("begins above 100 MiB", () => {
    expect(one(gpu("GPU-a", 100)).held).toEqual([])
    expect(one(gpu("GPU-a", null, { memoryUsedBytes: 100 * mebibyte + 1 })).held).toHaveLength(1)
  })

  test("has the processes that hold it, null where they cannot be listed, and whole MiB", () => {
    const [held] = one(gpu("GPU-a", null, { memoryUsedBytes: 200.6 * mebibyte, processes: null })).held
    expect(held).toMatchObject({ uuid: "GPU-a", usedMebibytes: 201, pids: null })
    expect(one(gpu("GPU-a", 200, { processes: [{ pid: 5, usedBytes: null }] })).held[0]?.pids).toEqual([5])
  })

  test("of holders that are many, out of sight or cannot be listed", () => {
    const processes = Array.from({ length: 10 }, (_, index) => ({ pid: index + 1, usedBytes: 1 }))
    const said = (of: GpuState["processes"]) => one(gpu("GPU-a", 200, { processes: of })).held[0]?.message
    expect(said(processes)).toEndWith(": processes 1, 2, 3, 4, 5, 6, 7, 8 and 2 more")
    expect(said(processes.slice(0, 8))).toEndWith(": processes 1, 2, 3, 4, 5, 6, 7, 8")
    expect(said([{ pid: 5, usedBytes: null }])).toEndWith(": process 5")
    expect(said([])).toEndWith(": no process that holds it is visible here")
    expect(said(null)).toEndWith(": its processes cannot be listed")
  })

  test("that cannot be read, of a GPU or of one that is not listed, is said with its reason", () => {
    const lost: GpuReading = {
      ok: true,
      driverVersion: null,
      gpus: [gpu("GPU-a", null)],
      unreadable: [{ index: 1, reason: "the GPU is lost" }],
    }
    expect(residual(lost, ["GPU-a", "GPU-b"])).toEqual({
      held: [],
      unknown: [
        {
          code: "gpu_memory_unknown",
          message:
            "Whether others use GPU-a is not known: its memory cannot be read: not supported by this GPU (NVML code 3)",
        },
        {
          code: "gpu_memory_unknown",
          message:
            "Whether others use GPU-b is not known: NVML does not list it; its GPU 1 cannot be read: the GPU is lost",
        },
      ],
    })
  })
})
