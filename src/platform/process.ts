import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import type { Reader } from "./readable.ts"

/** A started child: the root of its own process group. */
export interface Child {
  readonly pid: number
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** Sends a signal to every process of the group; false when none is left. */
  readonly signalGroup: (signal: NodeJS.Signals) => boolean
}

export interface SpawnRequest {
  readonly command: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** stdout and stderr are appended here by the kernel, at no cost to this process; stdout only without `onOutput`. */
  readonly logFile: string
  /** Gets what it writes to stdout, piece by piece. */
  readonly onOutput?: (bytes: Uint8Array) => void
  /** First bytes of its standard input, which stays open. */
  readonly input?: string
}

/** Whether this code runs from a compiled binary. */
export const compiled = import.meta.path.startsWith("/$bunfs/")

/** The command that starts this very program again. */
export const selfCommand = (): ReadonlyArray<string> =>
  compiled ? [process.execPath] : [process.execPath, fileURLToPath(new URL("../main.ts", import.meta.url))]

/** Reads a stream to its end, which also comes when it breaks off. */
const drain = async (output: AsyncIterable<Uint8Array>, onOutput: (bytes: Uint8Array) => void): Promise<void> => {
  try {
    for await (const piece of output) onOutput(piece)
  } catch {
    // What came before is all that there is.
  }
}

/** How long the last words of a child may be on their way after its end: a grandchild may hold the pipe open. */
const lastWordsMilliseconds = 2000

/**
 * Starts a child as leader of a new process group, so that a Ctrl-C in the terminal reaches only this process.
 * Its standard input is a pipe that closes when this process ends, however it ends. Throws when it cannot start.
 */
export const spawn = (request: SpawnRequest): Child => {
  const log = openSync(request.logFile, "a", 0o644)
  try {
    const child = Bun.spawn([...request.command], {
      env: { ...request.env },
      stdin: "pipe",
      stdout: request.onOutput === undefined ? log : "pipe",
      stderr: log,
      detached: true,
    })
    const { onOutput } = request
    const drained =
      onOutput === undefined || !(child.stdout instanceof ReadableStream)
        ? Promise.resolve()
        : drain(child.stdout, onOutput)
    if (request.input !== undefined) {
      child.stdin.write(request.input)
      void child.stdin.flush()
    }
    return {
      pid: child.pid,
      exited: child.exited
        .then(() => Promise.race([drained, Bun.sleep(lastWordsMilliseconds)]))
        .then(() => ({
          code: child.signalCode === null ? child.exitCode : null,
          signal: child.signalCode === null ? null : String(child.signalCode),
        })),
      signalGroup: (signal) => {
        try {
          return process.kill(-child.pid, signal)
        } catch {
          return false
        }
      },
    }
  } finally {
    closeSync(log)
  }
}

/** The environment of this process, as far as names pass. */
export const inheritedEnvironment = (passes: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || !passes(name) ? [] : [[name, value] as const],
    ),
  )

/** A TCP port of the loopback interface that nothing listens on right now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        address !== null && typeof address === "object"
          ? resolve(address.port)
          : reject(new Error("the kernel named no port")),
      )
    })
  })

/** The last lines of a text file, oldest first; empty when it cannot be read. */
export const tailLines = (path: string, lines: number): ReadonlyArray<string> => {
  try {
    const size = statSync(path).size
    const buffer = Buffer.alloc(Math.min(size, 64 * 1024))
    const file = openSync(path, "r")
    try {
      const read = readSync(file, buffer, 0, buffer.length, size - buffer.length)
      const all = buffer.toString("utf8", 0, read).split("\n")
      return all.filter((line) => line.trim() !== "").slice(-lines)
    } finally {
      closeSync(file)
    }
  } catch {
    return []
  }
}

/** Processes that the kernel's out-of-memory killer has ended since boot; null where the kernel does not tell. */
export const outOfMemoryKills = (): number | null => {
  try {
    const match = /^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"))
    return match === null ? null : Number(match[1])
  } catch {
    return null
  }
}

/** Who this process reads files as; its own group comes first. */
export const reader = (): Reader => ({
  uid: process.getuid?.() ?? 0,
  gids: [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])],
})
