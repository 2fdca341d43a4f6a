import { homedir, hostname, tmpdir } from "node:os"
import { isatty } from "node:tty"

/** What this process was started with: read once, passed on as data. */
export interface ProcessEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  readonly homeDirectory: string
  readonly temporaryDirectory: string
  readonly hostName: string
  readonly userId: number
  readonly stderrIsTerminal: boolean
  readonly stdoutIsTerminal: boolean
  readonly stdoutColumns: number | null
}

/** The home directory; empty where the system knows none. */
const home = (): string => {
  try {
    return homedir()
  } catch {
    return ""
  }
}

export const read = (): ProcessEnvironment => ({
  variables: { ...process.env },
  workingDirectory: process.cwd(),
  homeDirectory: home(),
  temporaryDirectory: tmpdir(),
  hostName: hostname(),
  userId: process.getuid?.() ?? 0,
  stderrIsTerminal: isatty(2),
  stdoutIsTerminal: isatty(1),
  // The stream object costs start-up, so it is made only where there is a terminal.
  stdoutColumns: isatty(1) ? process.stdout.columns || null : null,
})

/** Libraries that use what the runtime will drop some day are no concern of whoever runs this program. */
export const quietDeprecations = (): void => {
  process.noDeprecation = true
}
