import { writeSync } from "node:fs"
import { signalOnParentDeath } from "./libc.ts"

const sigkill = 9

/**
 * Ends this process when its parent does, by whatever death: the kernel kills it, and the end of standard input, a
 * pipe that only the parent holds, ends it where the kernel's signal is not to be had.
 */
export const followParent = (): void => {
  signalOnParentDeath(sigkill)
  process.stdin.on("end", () => process.exit(0))
  process.stdin.on("error", () => process.exit(0))
  process.stdin.resume()
}

/** Calls back once when this process is asked to end; asked again, it ends at once. */
export const onTerminate = (stop: () => Promise<void>): void => {
  let stopping = false
  process.on("SIGTERM", () => {
    if (stopping) process.exit(0)
    stopping = true
    void stop().finally(() => process.exit(0))
  })
}

/** Writes a line for the log of this process; a log that cannot be written must not end what it tells of. */
export const logLine = (line: string): void => {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // Nobody is left to tell.
  }
}

/** Ends this process with a last line in its log. */
export const die = (line: string): never => {
  logLine(line)
  process.exit(1)
}

/** Seconds since the epoch. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)

/** Waits until something is so, at most for so long. */
export const waitUntil = async (isSo: () => boolean, mostMilliseconds: number): Promise<void> => {
  const until = performance.now() + mostMilliseconds
  while (!isSo() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Milliseconds of a monotonic clock. */
export const milliseconds = (): number => performance.now()
