import { readdirSync, readFileSync } from "node:fs"

/** The text of a small file; null where there is none, or the sentence that says why it cannot be read. */
export type Text = { readonly text: string | null } | { readonly problem: string }

/** Reads a file of Docker's client configuration: a few kilobytes, so at once. */
export const readText = (path: string): Text => {
  try {
    return { text: readFileSync(path, "utf8") }
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error"
    return code === "ENOENT" || code === "ENOTDIR" ? { text: null } : { problem: `${path} cannot be read (${code})` }
  }
}

/** The names in a folder; empty when it is not there or cannot be read. */
export const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** How a program that was asked something ended. */
export interface Reply {
  /** null: a signal ended it. */
  readonly code: number | null
  readonly stdout: string
}

const longestReplyBytes = 1024 * 1024

/**
 * Runs a program with `input` on its standard input. When `signal` fires, the program and all that it started are
 * ended. null: it could not be started. Its standard error is not kept, as nothing says what a helper writes there.
 */
export const ask = async (
  command: ReadonlyArray<string>,
  input: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Reply | null> => {
  if (signal.aborted) return null
  try {
    const child = Bun.spawn([...command], {
      env: { ...environment },
      stdin: new TextEncoder().encode(input),
      stdout: "pipe",
      stderr: "ignore",
      detached: true,
      maxBuffer: longestReplyBytes,
    })
    const end = () => {
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // The group is gone already.
      }
    }
    signal.addEventListener("abort", end, { once: true })
    try {
      const [stdout] = await Promise.all([new Response(child.stdout).text(), child.exited])
      return { code: child.signalCode === null ? child.exitCode : null, stdout }
    } finally {
      signal.removeEventListener("abort", end)
    }
  } catch {
    return null
  }
}
