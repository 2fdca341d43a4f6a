import { writeSync } from "node:fs"

/** Where text for people and their programs goes. Writing never throws: who reads may be gone, and the run goes on. */
export interface Output {
  readonly write: (text: string) => void
  /** Gives a slow reader a last, bounded chance to take what is still waiting. */
  readonly drain: () => void
}

const errnoName = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

const mostWaitingBytes = 1 << 20
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Waits without spinning, for the few milliseconds that a reader may need to take a full pipe's content. */
const pause = (): void => {
  Atomics.wait(sleeper, 0, 0, 1)
}

/**
 * A file descriptor as an output (1 or 2; writeSync, as the stream objects cost 17 ms of start-up). What a full pipe does
 * not take waits for the next write; over 1 MiB of it, further text is dropped. A closed descriptor takes nothing more.
 */
export const output = (descriptor: number): Output => {
  let waiting: Buffer = Buffer.alloc(0)
  let closed = false
  const push = (patienceMillis: number): void => {
    for (let patience = patienceMillis; waiting.length > 0 && !closed; ) {
      try {
        waiting = waiting.subarray(writeSync(descriptor, waiting))
      } catch (cause) {
        const code = errnoName(cause)
        if (code === "EINTR") continue
        if (code !== "EAGAIN") {
          closed = true
          waiting = Buffer.alloc(0)
        } else if (patience-- <= 0) return
        else pause()
      }
    }
  }
  return {
    write: (text) => {
      if (closed || waiting.length > mostWaitingBytes) return
      waiting = waiting.length === 0 ? Buffer.from(text) : Buffer.concat([waiting, Buffer.from(text)])
      push(5)
    },
    drain: () => push(1000),
  }
}

/** The width of the terminal behind stderr, kept up to date until it is stopped. */
export interface Width {
  readonly columns: () => number
  readonly stop: () => void
}

const usualColumns = 80

/** Follows the width of the terminal behind stderr. */
export const followWidth = (): Width => {
  const ignore = (): void => undefined
  // The stream renews its size only while someone listens.
  process.stderr.on("resize", ignore)
  return {
    // A terminal that does not know its width says 0.
    columns: () => process.stderr.columns || usualColumns,
    stop: () => {
      process.stderr.off("resize", ignore)
    },
  }
}

/** Runs something when the process ends by itself, however soon; gives the function that takes it back. */
export const beforeExit = (run: () => void): (() => void) => {
  process.once("exit", run)
  return () => {
    process.off("exit", run)
  }
}
