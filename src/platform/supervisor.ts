import { constants } from "node:os"
import { reasonOf } from "../domain/Unknown.ts"

/** As shells and init processes tell it: 128 and the number of the signal. */
const exitCodeOf = (code: number | null, signal: NodeJS.Signals | number | null): number => {
  if (signal === null) return code ?? 1
  return 128 + (typeof signal === "number" ? signal : constants.signals[signal])
}

const isVariables = (value: unknown): value is Record<string, string> =>
  typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "string")

const parse = (line: string): Record<string, string> => {
  try {
    const value: unknown = JSON.parse(line)
    return isVariables(value) ? value : {}
  } catch {
    return {}
  }
}

/** Ends every process of our group, ourselves among them. */
const endAll = (): void => {
  process.kill(0, "SIGKILL")
}

/**
 * Runs a command for as long as standard input stays open. Its first line is a JSON object of variables for the
 * command: what is secret comes this way, for neither command lines nor a container's description may hold it. When
 * the input ends, whoever started us is gone, and so are we and all of our process group; in a container that is the end
 * of every process in it.
 */
export const supervise = (command: ReadonlyArray<string>): void => {
  const state: { child: Bun.Subprocess | null; text: string } = { child: null, text: "" }
  const start = (line: string): void => {
    try {
      const child = Bun.spawn([...command], {
        env: { ...process.env, ...parse(line) },
        stdin: "ignore",
        stdout: "inherit",
        // One stream, for two of them lose the order in which their lines were written.
        stderr: 1,
        onExit: (ended, code) => process.exit(exitCodeOf(code, ended.signalCode)),
      })
      state.child = child
    } catch (cause) {
      console.error(`${command[0]}: ${reasonOf(cause)}`)
      process.exit(127)
    }
  }
  process.on("SIGTERM", () => {
    if (state.child === null) process.exit(143)
    state.child.kill("SIGTERM")
  })
  process.stdin.on("data", (bytes) => {
    if (state.child !== null) return
    state.text += String(bytes)
    const end = state.text.indexOf("\n")
    if (end >= 0) start(state.text.slice(0, end))
  })
  process.stdin.on("end", endAll)
  process.stdin.on("error", endAll)
  process.stdin.resume()
}
