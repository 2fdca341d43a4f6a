import { afterAll, describe, expect } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Clock, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { GpuReading } from "../../src/domain/GpuReading.ts"
import type { Gate } from "../../src/domain/Study.ts"
import { DeviceGate } from "../../src/harness/DeviceGate.ts"
import * as gpuGate from "../../src/harness/gpuGate.ts"
import { readGpus } from "../../src/platform/nvml.ts"
import { effect } from "../lib/effect.ts"
import { gpu, mebibyte, reading } from "../lib/gpus.ts"
import { answers, standIn } from "../lib/nvml.ts"

const work = mkdtempSync(join(tmpdir(), "llem-gate-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** Checks one GPU at a gate whose readings come from a script, the last one for ever; tells how it ended and when. */
const checked = (
  script: ReadonlyArray<GpuReading>,
  gate: Gate,
  uuids: ReadonlyArray<string> = ["GPU-a"],
  waitSeconds = 300,
) =>
  Effect.gen(function* () {
    let readings = 0
    const read = (): GpuReading => script[Math.min(readings++, script.length - 1)] ?? reading()
    const running = yield* DeviceGate.use((port) => port.check(uuids, gate, waitSeconds)).pipe(
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
      expect(failure?.fix).toContain("set execution.gate to warn")
      expect(seconds).toBe(300)
    }),
  )

  effect("waits for no longer than its limit, which may be none, and looks once more at its end", () =>
    Effect.gen(function* () {
      for (const [limit, readings] of [
        [5, 4],
        [1, 2],
        [0, 1],
      ] as const) {
        const started = (yield* Clock.currentTimeMillis) / 1000
        const found = yield* checked([held], "strict", ["GPU-a"], limit)
        expect([found.seconds - started, found.readings]).toEqual([limit, readings])
        expect(found.failure?.message).toContain(`within ${limit} s: `)
      }
    }),
  )

  effect("warns of what cannot be known beside what was freed", () =>
    Effect.gen(function* () {
      const both = ["GPU-a", "GPU-b"]
      const { warnings, seconds } = yield* checked([held, reading(gpu("GPU-a", 0))], "strict", both)
      expect(warnings?.map(({ code }) => code)).toEqual(["gpu_memory_unknown"])
      expect(seconds).toBe(2)
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
