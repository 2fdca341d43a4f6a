import { dlopen, FFIType, ptr } from "bun:ffi"

const { i32, ptr: pointer, u64, i64 } = FFIType

const library = dlopen("libc.so.6", {
  clock_gettime: { args: [i32, pointer], returns: i32 },
  clock_nanosleep: { args: [i32, i32, pointer, pointer], returns: i32 },
  signal: { args: [i32, u64], returns: u64 },
  prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
  setpriority: { args: [i32, i32, i32], returns: i32 },
  sched_setscheduler: { args: [i32, i32, pointer], returns: i32 },
  sysconf: { args: [i32], returns: i64 },
  pread: { args: [i32, pointer, u64, i64], returns: i32 },
})

/** Raw libc calls. Each returns what C returns; callers check it. */
export const libc = library.symbols

const CLOCK_MONOTONIC = 1
const CLOCK_THREAD_CPUTIME_ID = 3

/**
 * A struct timespec as 32-bit words (both targets are little-endian), so that reading a clock allocates nothing.
 * It lies in an ArrayBuffer of its own: the storage of a small typed array made without one moves when its readers
 * are compiled, and the clock then stands still.
 */
const timespec = new Uint32Array(new ArrayBuffer(16))
const timespecPointer = ptr(timespec)

const read = (clock: number): number => {
  libc.clock_gettime(clock, timespecPointer)
  return (timespec[1] ?? 0) * 2 ** 32 + (timespec[0] ?? 0) + (timespec[2] ?? 0) / 1e9
}

/** Seconds of CLOCK_MONOTONIC: the same in every process and container of this boot. */
export const monotonicSeconds = (): number => read(CLOCK_MONOTONIC)

/** CPU seconds that the calling thread has used. */
export const threadCpuSeconds = (): number => read(CLOCK_THREAD_CPUTIME_ID)

const PR_SET_PDEATHSIG = 1

/** Asks the kernel to send this process a signal when the thread that started it dies. */
export const signalOnParentDeath = (signal: number): boolean => libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) === 0

const TIMER_ABSTIME = 1
const deadline = new Uint32Array(new ArrayBuffer(16))
const deadlinePointer = ptr(deadline)

/** Blocks the calling thread until CLOCK_MONOTONIC reaches the given seconds; returns at once when it is past. */
export const sleepUntil = (seconds: number): void => {
  const whole = Math.floor(seconds)
  deadline[0] = whole
  deadline[2] = Math.floor((seconds - whole) * 1e9)
  libc.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, deadlinePointer, null)
}

const SC_CLK_TCK = 2

/** The kernel's unit of CPU time in /proc, in ticks per second. */
export const clockTicksPerSecond = (): number => Number(libc.sysconf(SC_CLK_TCK))

const SCHED_FIFO = 1
const SCHED_RESET_ON_FORK = 0x40000000
const PRIO_PROCESS = 0

/**
 * Puts the calling thread above ordinary ones as far as this process may (CAP_SYS_NICE): "fifo:10", which threads
 * that it starts do not inherit, else "nice:-15", else "default".
 */
export const raiseThreadPriority = (): string => {
  const parameter = new Int32Array(new ArrayBuffer(4)).fill(10)
  if (libc.sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, ptr(parameter)) === 0) return "fifo:10"
  return libc.setpriority(PRIO_PROCESS, 0, -15) === 0 ? "nice:-15" : "default"
}

const SIGABRT = 6
const SIG_DFL = 0

/** Lets an abort end this process by its signal at once, as the kernel does it, rather than through the runtime's handler. */
export const dieOfAborts = (): void => {
  libc.signal(SIGABRT, SIG_DFL)
}
