import { Context, type Effect } from "effect"
import type { LocalError } from "../domain/Failure.ts"
import type { Reason } from "../domain/ResultDocument.ts"
import type { Gate } from "../domain/Study.ts"

/** Keeps a cell from being measured, unnoticed, on GPUs that others use. */
export class DeviceGate extends Context.Service<
  DeviceGate,
  {
    /**
     * Looks at the memory of a cell's GPUs before its engine starts. More than 100 MiB of others is the warning
     * `residual_gpu_memory`, or with "strict" a wait of up to `waitSeconds` for it to be freed, and the failure "busy"
     * when it is not. Memory that cannot be read is the warning `gpu_memory_unknown`. Without GPUs nothing is done.
     */
    check(
      gpuUuids: ReadonlyArray<string>,
      gate: Gate,
      waitSeconds: number,
    ): Effect.Effect<ReadonlyArray<Reason>, LocalError>
  }
>()("llem/harness/DeviceGate") {}
