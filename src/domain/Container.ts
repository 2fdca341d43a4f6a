import { Schema } from "effect"
import { described, intAtLeast, optional } from "./Fields.ts"

const units: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** Bytes of a size as Docker writes it: a number of bytes, or a number with b, k, m, g or t (powers of 1024). */
export const sizeBytes = (size: string | number): number => {
  if (typeof size === "number") return size
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(size) ?? []
  return Math.floor(Number(amount === "" ? Number.NaN : amount) * (units[unit.toLowerCase()] ?? Number.NaN))
}

const Size = Schema.Union([
  intAtLeast(1),
  Schema.String.check(
    Schema.makeFilter((text) => (sizeBytes(text) > 0 ? undefined : "a size such as 512m, 8g or a number of bytes")),
  ),
])

const Processors = Schema.Union([
  intAtLeast(0),
  Schema.String.check(
    Schema.makeFilter((text) =>
      /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text) ? undefined : "numbers of processors such as 0-3 or 0,2",
    ),
  ),
])

/** `execution.container`: limits of every engine's container. */
export const ContainerInput = Schema.Struct({
  memory: optional(described(Size, "Memory limit of the engine's container, e.g. 16g; default none")),
  cpuset: optional(described(Processors, "Processors that the engine's container may use, e.g. 0-3; default all")),
  shm_size: optional(described(Size, "Size of the container's /dev/shm, e.g. 8g; default what the engine needs")),
  pids_limit: optional(described(intAtLeast(16), "Most processes and threads in the engine's container; default 8192")),
})
export type ContainerInput = typeof ContainerInput.Type

/** Limits of an engine's container, in bytes; null where none was asked for. */
export interface ContainerLimits {
  readonly memoryBytes: number | null
  readonly cpuset: string | null
  readonly shmBytes: number | null
  readonly pids: number
}

/** The limits that a study asks for. */
export const limitsOf = (input: ContainerInput): ContainerLimits => ({
  memoryBytes: input.memory === undefined ? null : sizeBytes(input.memory),
  cpuset: input.cpuset === undefined ? null : String(input.cpuset),
  shmBytes: input.shm_size === undefined ? null : sizeBytes(input.shm_size),
  pids: input.pids_limit ?? 8192,
})
