/** A process that computes on a GPU, and how much of its memory it holds; null where the driver does not tell. */
export interface GpuProcess {
  readonly pid: number
  readonly usedBytes: number | null
}

/** One GPU as it is right now. */
export interface GpuState {
  /** Its number in the driver's own order, from 0. */
  readonly index: number
  readonly uuid: string
  readonly name: string
  /** Null where it cannot be read; `memoryWhy` then says why. */
  readonly memoryTotalBytes: number | null
  /** What processes hold, without what the driver reserves for itself where it tells the two apart. */
  readonly memoryUsedBytes: number | null
  readonly memoryWhy: string | null
  /** Null where they cannot be listed. */
  readonly processes: ReadonlyArray<GpuProcess> | null
}

/** What the driver says of the node's GPUs; `unreadable` are those that it counts but does not let us see. */
export type GpuReading =
  | {
      readonly ok: true
      readonly driverVersion: string | null
      readonly gpus: ReadonlyArray<GpuState>
      readonly unreadable: ReadonlyArray<{ readonly index: number; readonly reason: string }>
    }
  | { readonly ok: false; readonly reason: string }
