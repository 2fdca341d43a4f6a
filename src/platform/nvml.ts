import { dlopen, FFIType } from "bun:ffi"
import type { GpuProcess, GpuReading, GpuState } from "../domain/GpuReading.ts"
import { reasonOf } from "../domain/Unknown.ts"
import { loadProblem } from "./sharedLibrary.ts"

const { i32, u32, u64, ptr: pointer } = FFIType

const defaultLibrary = "libnvidia-ml.so.1"

const required = {
  nvmlInit_v2: { args: [], returns: i32 },
  nvmlShutdown: { args: [], returns: i32 },
  nvmlDeviceGetCount_v2: { args: [pointer], returns: i32 },
  nvmlDeviceGetHandleByIndex_v2: { args: [u32, pointer], returns: i32 },
  nvmlDeviceGetUUID: { args: [u64, pointer, u32], returns: i32 },
  nvmlDeviceGetName: { args: [u64, pointer, u32], returns: i32 },
  nvmlDeviceGetMemoryInfo: { args: [u64, pointer], returns: i32 },
  nvmlSystemGetDriverVersion: { args: [pointer, u32], returns: i32 },
} as const

const memoryCall = { args: [u64, pointer], returns: i32 } as const
const processesCall = { args: [u64, pointer, pointer], returns: i32 } as const

type Memory = (handle: bigint, into: Uint8Array) => number
type Processes = (handle: bigint, count: Uint32Array, into: Uint8Array) => number

/** A call that older drivers lack. */
const optional = <A>(open: () => A): A | null => {
  try {
    return open()
  } catch {
    return null
  }
}

class Unusable extends Error {}

const open = (path: string) => {
  const problem = loadProblem(path)
  if (problem !== null) throw new Unusable(problem)
  const { symbols } = dlopen(path, required)
  const memoryV2: Memory | null = optional(
    () => dlopen(path, { nvmlDeviceGetMemoryInfo_v2: memoryCall }).symbols.nvmlDeviceGetMemoryInfo_v2,
  )
  const processes: Processes | null =
    optional(
      () =>
        dlopen(path, { nvmlDeviceGetComputeRunningProcesses_v3: processesCall }).symbols
          .nvmlDeviceGetComputeRunningProcesses_v3,
    ) ??
    optional(
      () =>
        dlopen(path, { nvmlDeviceGetComputeRunningProcesses_v2: processesCall }).symbols
          .nvmlDeviceGetComputeRunningProcesses_v2,
    )
  return { ...symbols, memoryV2, processes }
}
type Library = ReturnType<typeof open>

/** Libraries stay loaded: unloading a driver's library under a running program is asking for trouble. */
const opened = new Map<string, Library>()

const words: Readonly<Record<number, string>> = {
  1: "NVML is not initialised",
  2: "invalid argument",
  3: "not supported by this GPU",
  4: "no permission",
  6: "not found",
  7: "the buffer is too small",
  8: "a power cable is not attached",
  9: "the NVIDIA driver is not loaded",
  10: "timeout in the driver",
  11: "a problem with the GPU's interrupts",
  12: "a library of the driver is missing",
  13: "the driver lacks this function",
  15: "the GPU is lost: it fell off the bus or is otherwise out of reach",
  16: "the GPU needs a reset",
  17: "blocked by the operating system, e.g. by the container's device rules",
  18: "library and driver have different versions: reboot, or reload the driver, after its update",
  19: "the GPU is in use",
  20: "out of memory",
  25: "the driver does not know this version of the call",
  28: "no GPU was found",
  999: "unknown error in the driver",
}

const said = (code: number): string => `${words[code] ?? "unknown error"} (NVML code ${code})`

/** Storage of its own, so that it stays where it is while C writes into it. */
const bytes = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length))
const view = (of: Uint8Array): DataView => new DataView(of.buffer)

const text = (buffer: Uint8Array): string => {
  const end = buffer.indexOf(0)
  return new TextDecoder().decode(end < 0 ? buffer : buffer.subarray(0, end)).trim()
}

type Answer<A> = { readonly value: A } | { readonly code: number }

const string = (length: number, call: (into: Uint8Array, length: number) => number): Answer<string> => {
  const buffer = bytes(length)
  const code = call(buffer, length)
  return code === 0 ? { value: text(buffer) } : { code }
}

const memoryV1Bytes = 24
const memoryV2Bytes = 40
const memoryV2Version = memoryV2Bytes | (2 << 24)

/**
 * Total and used bytes. The first version of the call counts what the driver reserves for itself as used (hundreds of
 * MiB on an idle GPU), so the second is preferred.
 */
const memoryOf = (library: Library, handle: bigint): Answer<{ total: number; used: number }> => {
  if (library.memoryV2 !== null) {
    const buffer = bytes(memoryV2Bytes)
    const fields = view(buffer)
    fields.setUint32(0, memoryV2Version, true)
    if (library.memoryV2(handle, buffer) === 0)
      return { value: { total: Number(fields.getBigUint64(8, true)), used: Number(fields.getBigUint64(32, true)) } }
  }
  const buffer = bytes(memoryV1Bytes)
  const code = library.nvmlDeviceGetMemoryInfo(handle, buffer)
  const fields = view(buffer)
  return code === 0
    ? { value: { total: Number(fields.getBigUint64(0, true)), used: Number(fields.getBigUint64(16, true)) } }
    : { code }
}

const processBytes = 24
const insufficientSize = 7
const notAvailable = 0xffff_ffff_ffff_ffffn

const processesOf = (library: Library, handle: bigint): ReadonlyArray<GpuProcess> | null => {
  const call = library.processes
  if (call === null) return null
  const count = new Uint32Array(new ArrayBuffer(4))
  let room = 64
  // The list may grow between two calls.
  for (let tries = 0; tries < 5; tries++) {
    const buffer = bytes(room * processBytes)
    count[0] = room
    const code = call(handle, count, buffer)
    const found = count[0]
    if (code === insufficientSize) {
      room = Math.max(found, room) + 64
      continue
    }
    if (code !== 0) return null
    const fields = view(buffer)
    return Array.from({ length: Math.min(found, room) }, (_, index) => {
      const used = fields.getBigUint64(index * processBytes + 8, true)
      return {
        pid: fields.getUint32(index * processBytes, true),
        usedBytes: used === notAvailable ? null : Number(used),
      }
    })
  }
  return null
}

const gpuAt = (library: Library, index: number): Answer<GpuState> => {
  const place = bytes(8)
  const code = library.nvmlDeviceGetHandleByIndex_v2(index, place)
  if (code !== 0) return { code }
  const handle = view(place).getBigUint64(0, true)
  const uuid = string(96, (into, length) => library.nvmlDeviceGetUUID(handle, into, length))
  if ("code" in uuid) return uuid
  const name = string(96, (into, length) => library.nvmlDeviceGetName(handle, into, length))
  const memory = memoryOf(library, handle)
  const known = "value" in memory ? memory.value : null
  return {
    value: {
      index,
      uuid: uuid.value,
      name: "value" in name ? name.value : "NVIDIA GPU",
      memoryTotalBytes: known?.total ?? null,
      memoryUsedBytes: known?.used ?? null,
      memoryWhy: "code" in memory ? said(memory.code) : null,
      processes: processesOf(library, handle),
    },
  }
}

const readAll = (library: Library): GpuReading => {
  const driver = string(80, (into, length) => library.nvmlSystemGetDriverVersion(into, length))
  const count = new Uint32Array(new ArrayBuffer(4))
  const code = library.nvmlDeviceGetCount_v2(count)
  if (code !== 0) return { ok: false, reason: `NVML cannot count the GPUs: ${said(code)}` }
  const answers = Array.from({ length: count[0] ?? 0 }, (_, index) => ({ index, answer: gpuAt(library, index) }))
  return {
    ok: true,
    driverVersion: "value" in driver ? driver.value : null,
    gpus: answers.flatMap(({ answer }) => ("value" in answer ? [answer.value] : [])),
    unreadable: answers.flatMap(({ index, answer }) =>
      "code" in answer ? [{ index, reason: said(answer.code) }] : [],
    ),
  }
}

/**
 * The node's NVIDIA GPUs through NVML, which is initialised for this call only. Never throws.
 *
 * @param libraryPath the library to load (`LLEM_NVML_LIBRARY`); null for the driver's own.
 */
export const readGpus = (libraryPath: string | null): GpuReading => {
  const path = libraryPath ?? defaultLibrary
  const named = libraryPath === null ? path : `LLEM_NVML_LIBRARY (${path})`
  try {
    const library = opened.get(path) ?? open(path)
    opened.set(path, library)
    const code = library.nvmlInit_v2()
    if (code !== 0) return { ok: false, reason: `NVML of ${named} does not start: ${said(code)}` }
    try {
      return readAll(library)
    } finally {
      library.nvmlShutdown()
    }
  } catch (cause) {
    return { ok: false, reason: `${named} cannot be used as NVML: ${reasonOf(cause)}` }
  }
}
