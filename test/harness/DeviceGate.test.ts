import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Clock, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { GpuReading, GpuState } from "../../src/domain/GpuReading.ts"
import type { Gate } from "../../src/domain/Study.ts"
import { DeviceGate } from "../../src/harness/DeviceGate.ts"
import * as gpuGate from "../../src/harness/gpuGate.ts"
import { residual } from "../../src/harness/ResidualMemory.ts"
import { readGpus } from "../../src/platform/nvml.ts"
import { effect } from "../lib/effect.ts"
import { answers, standIn } from "../lib/nvml.ts"

const work = mkdtempSync(join(tmpdir(), "llem-gate-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const mebibyte = 2 ** 20

const gpu = (uuid: string, usedMebibytes: number | null, over: Partial<GpuState> = {}): GpuState => ({
  index: 0,
  uuid,
  name: "NVIDIA H100",
  memoryTotalBytes: usedMebibytes === null ? null : 81_559 * mebibyte,
  memoryUsedBytes: usedMebibytes === null ? null : usedMebibytes * mebibyte,
  memoryWhy: usedMebibytes === null ? "not supported by this GPU (NVML code 3)" : null,
  processes: [],
  ...over,
})

const reading = (...gpus: ReadonlyArray<GpuState>): GpuReading => ({
  ok: true,
  driverVersion: "580.95.05",
  gpus,
  unreadable: [],
})

/** Checks one GPU at a gate whose readings come from a script, the last one for ever; tells how it ended and when. */
const checked = (script: ReadonlyArray<GpuReading>, gate: Gate, uuids: ReadonlyArray<string> = ["GPU-a"]) =>
  Effect.gen(function* () {
    let readings = 0
    const read = (): GpuReading => script[Math.min(readings++, script.length - 1)] ?? reading()
    const running = yield* DeviceGate.use((port) => port.check(uuids, gate, 300)).pipe(
      Effect.exit,
      Effect.flatMap((exit) => Effect.map(Clock.currentTimeMillis, (millis) => ({ exit, seconds: millis / 1000 }))),
      Effect.provide(gpuGate.layer(read)),
      Effect.forkChild,
    )
    yield* TestClock.adjust("1 hour")
    const { exit, seconds } = yield* Fiber.join(running)
    return {
      warnings: Exit.isSuccess(exit) ? exit.value : null,
      failure: yield* Effect.flip(exit).pipe(Effect.orElseSucceed(() => null)),
      seconds,
      readings,
    }
  })

const held = reading(
  gpu("GPU-a", 5120, {
    processes: [
      { pid: 12, usedBytes: 5000 * mebibyte },
      { pid: 34, usedBytes: null },
    ],
  }),
)

describe("a gate that warns", () => {
  effect("names the GPU, what is held and by whom, at once", () =>
    Effect.gen(function* () {
      const { warnings, seconds, readings } = yield* checked([held], "warn")
      expect(warnings).toEqual([
        {
          code: "residual_gpu_memory",
          message: "5120 MiB of GPU-a (NVIDIA H100) were in use before the engine started: processes 12, 34",
        },
      ])
      expect([seconds, readings]).toEqual([0, 1])
    }),
  )

  effect("looks at the cell's GPUs only, and at nothing for a cell without", () =>
    Effect.gen(function* () {
      const both = reading(gpu("GPU-a", 0), gpu("GPU-b", 9000))
      expect((yield* checked([both], "warn")).warnings).toEqual([])
      expect((yield* checked([both], "warn", ["GPU-b", "GPU-b"])).warnings).toHaveLength(1)
      expect(yield* checked([held], "strict", [])).toMatchObject({ warnings: [], readings: 0 })
    }),
  )
})

describe("a strict gate", () => {
  effect("passes at once when nothing is held", () =>
    Effect.gen(function* () {
      expect(yield* checked([reading(gpu("GPU-a", 3))], "strict")).toMatchObject({
        warnings: [],
        seconds: 0,
        readings: 1,
      })
    }),
  )

  effect("waits until the memory is freed, and then has nothing to warn of", () =>
    Effect.gen(function* () {
      const script = [held, held, held, reading(gpu("GPU-a", 100))]
      expect(yield* checked(script, "strict")).toMatchObject({ warnings: [], seconds: 6, readings: 4 })
    }),
  )

  effect("fails when the memory is still held after the limit, and says by whom", () =>
    Effect.gen(function* () {
      const { failure, seconds } = yield* checked([held], "strict")
      expect(failure).toMatchObject({
        _tag: "LocalError",
        reason: "busy",
        details: { waited_seconds: 300, gpus: [{ uuid: "GPU-a", used_mebibytes: 5120, pids: [12, 34] }] },
      })
      expect(failure?.message).toContain("within 300 s: 5120 MiB of GPU-a")
      expect(seconds).toBe(300)
    }),
  )

  effect("passes when the memory is freed at the very end of the limit", () =>
    Effect.gen(function* () {
      const script = [...Array.from({ length: 150 }, () => held), reading(gpu("GPU-a", 0))]
      expect(yield* checked(script, "strict")).toMatchObject({ warnings: [], seconds: 300 })
    }),
  )

  effect("sees through NVML when a process frees the memory", () =>
    Effect.gen(function* () {
      const used = 3 * 2 ** 30
      const busy = { gpus: [{ uuid: "GPU-a", usedBytes: used, processes: [{ pid: 77, usedBytes: used }] }] }
      const library = standIn(work, busy)
      const passes = (gate: Gate) =>
        DeviceGate.use((port) => port.check(["GPU-a"], gate, 300)).pipe(
          Effect.provide(gpuGate.layer(() => readGpus(library))),
        )
      expect((yield* passes("warn"))[0]?.message).toEndWith("before the engine started: process 77")
      const waiting = yield* Effect.forkChild(passes("strict"))
      yield* TestClock.adjust("20 seconds")
      expect(waiting.pollUnsafe()).toBeUndefined()
      answers(library, { gpus: [{ uuid: "GPU-a" }] })
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(waiting)).toEqual([])
    }),
  )

  effect("does not wait for what cannot be known: that is a warning", () =>
    Effect.gen(function* () {
      const none: GpuReading = { ok: false, reason: "the NVIDIA driver is not loaded (NVML code 9)" }
      expect(yield* checked([none], "strict")).toMatchObject({
        warnings: [
          {
            code: "gpu_memory_unknown",
            message: "Whether others use GPU-a is not known: the NVIDIA driver is not loaded (NVML code 9)",
          },
        ],
        seconds: 0,
      })
    }),
  )
})

describe("residual memory", () => {
  const one = (state: GpuState) => residual(reading(state), ["GPU-a"])

  test("begins above 100 MiB", () => {
    expect(one(gpu("GPU-a", 100)).held).toEqual([])
    expect(one(gpu("GPU-a", null, { memoryUsedBytes: 100 * mebibyte + 1 })).held).toHaveLength(1)
  })

  test("of holders that are many, out of sight or cannot be listed", () => {
    const processes = Array.from({ length: 10 }, (_, index) => ({ pid: index + 1, usedBytes: 1 }))
    const said = (of: GpuState["processes"]) => one(gpu("GPU-a", 200, { processes: of })).held[0]?.message
    expect(said(processes)).toEndWith(": processes 1, 2, 3, 4, 5, 6, 7, 8 and 2 more")
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
