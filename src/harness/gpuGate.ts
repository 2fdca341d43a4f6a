import { Effect, Layer } from "effect"
import { LocalError } from "../domain/Failure.ts"
import type { GpuReading } from "../domain/GpuReading.ts"
import type { Reason } from "../domain/ResultDocument.ts"
import type { Gate } from "../domain/Study.ts"
import { DeviceGate } from "./DeviceGate.ts"
import { type Held, residual } from "./ResidualMemory.ts"

const pollSeconds = 2

const busy = (held: ReadonlyArray<Held>, waitedSeconds: number): LocalError =>
  new LocalError({
    reason: "busy",
    message: `Others did not free the GPUs of this cell within ${waitedSeconds} s: ${held.map(({ message }) => message).join("; ")}`,
    fix: "End what uses them (nvidia-smi lists it), give the experiment other GPUs in devices, or set execution.gate to warn.",
    details: {
      waited_seconds: waitedSeconds,
      gpus: held.map(({ uuid, usedMebibytes, pids }) => ({ uuid, used_mebibytes: usedMebibytes, pids })),
    },
  })

const warning = ({ message }: Held): Reason => ({ code: "residual_gpu_memory", message })

const check = Effect.fn("DeviceGate.check")(function* (
  read: () => GpuReading,
  gpuUuids: ReadonlyArray<string>,
  gate: Gate,
  waitSeconds: number,
) {
  if (gpuUuids.length === 0) return []
  const look = Effect.sync(() => residual(read(), gpuUuids))
  let found = yield* look
  let waited = 0
  while (gate === "strict" && found.held.length > 0) {
    if (waited >= waitSeconds) return yield* busy(found.held, waitSeconds)
    const step = Math.min(pollSeconds, waitSeconds - waited)
    yield* Effect.sleep(`${step} seconds`)
    waited += step
    found = yield* look
  }
  return [...found.held.map(warning), ...found.unknown]
})

/** The gate over a reading of the node's GPUs. */
export const layer = (read: () => GpuReading) =>
  Layer.succeed(
    DeviceGate,
    DeviceGate.of({ check: (gpuUuids, gate, waitSeconds) => check(read, gpuUuids, gate, waitSeconds) }),
  )
