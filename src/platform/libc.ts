import { dlopen, FFIType, ptr } from "bun:ffi"

const { i32, ptr: pointer, u64, i64 } = FFIType

const library = dlopen("libc.so.6", {
  clock_gettime: { args: [i32, pointer], returns: i32 },
  clock_nanosleep: { args: [i32, i32, pointer, pointer], returns: i32 },
  prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
  setpriority: { args: [i32, i32, i32], returns: i32 },
  sched_setscheduler: { args: [i32, i32, pointer], returns: i32 },
  sysconf: { args: [i32], returns: i64 },
})

/** Raw libc calls. Each returns what C returns; callers check it. */
export const libc = library.symbols

const CLOCK_MONOTONIC = 1
const CLOCK_THREAD_CPUTIME_ID = 3
const timespec = new BigInt64Array(2)
const timespecPointer = ptr(timespec)

const read = (clock: number): number => {
  libc.clock_gettime(clock, timespecPointer)
  return Number(timespec[0] ?? 0n) + Number(timespec[1] ?? 0n) / 1e9
}

/** Seconds of CLOCK_MONOTONIC: the same in every process and container of this boot. */
export const monotonicSeconds = (): number => read(CLOCK_MONOTONIC)

/** CPU seconds that the calling thread has used. */
export const threadCpuSeconds = (): number => read(CLOCK_THREAD_CPUTIME_ID)

const PR_SET_PDEATHSIG = 1

/** Asks the kernel to send this process a signal when the thread that started it dies. */
export const signalOnParentDeath = (signal: number): boolean => libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) === 0
