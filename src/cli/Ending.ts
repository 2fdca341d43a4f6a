import { Cause, Exit } from "effect"
import { CliError } from "effect/cli"
import { ConfigError, render } from "../config/ConfigError.ts"
import type { EndingSignal } from "../domain/EndingSignal.ts"
import { DockerError } from "../domain/Failure.ts"
import { version } from "../domain/Version.ts"
import { PreFlightError } from "../preflight/Judge.ts"
import { codes, ofSignal } from "../runner/Exit.ts"
import { StoreError } from "../store/Store.ts"
import { OutputError } from "./Output.ts"
import type { Ending as Decided } from "./RunExit.ts"
import { UsageError } from "./UsageError.ts"

/** How the process ends: its exit code and what is said on standard error. */
export interface Ending {
  readonly code: number
  readonly message: string | null
}

const withFix = (message: string, fix: string | null): string => (fix === null ? message : `${message}\n  ${fix}`)

const ofError = (error: unknown, verbose: boolean): Ending => {
  if (error instanceof ConfigError) return { code: codes.usage, message: render(error) }
  if (error instanceof UsageError) return { code: codes.usage, message: withFix(error.message, error.fix) }
  if (error instanceof PreFlightError)
    return { code: codes.failed, message: error.findings.map(({ message, fix }) => withFix(message, fix)).join("\n") }
  if (error instanceof OutputError) return { code: codes.failed, message: error.message }
  if (error instanceof DockerError) return { code: codes.failed, message: withFix(error.message, error.fix) }
  if (error instanceof StoreError) return { code: codes.failed, message: withFix(error.message, error.fix) }
  if (CliError.isCliError(error)) {
    const plainHelp = error._tag === "ShowHelp" && error.errors.length === 0
    return { code: plainHelp ? codes.ok : codes.usage, message: null }
  }
  return ofDefect(error, verbose)
}

const ofDefect = (defect: unknown, verbose: boolean): Ending => {
  const said = defect instanceof Error ? `${defect.name}: ${defect.message}` : String(defect)
  const stack = verbose && defect instanceof Error && defect.stack !== undefined ? `\n${defect.stack}` : ""
  return {
    code: codes.defect,
    message: `llem ${version} has a defect: ${said.split("\n")[0]}\n  Please report it with the command and the study file; -v shows more.${stack}`,
  }
}

/** What a command's exit, and what it had decided before, mean for the process. */
export const describe = (
  exit: Exit.Exit<void, unknown>,
  decided: Decided,
  signal: EndingSignal | null,
  verbose: boolean,
): Ending => {
  if (signal !== null) {
    const kept = decided.studyDirectory === null ? "." : `; what had finished is in ${decided.studyDirectory}`
    return { code: ofSignal(signal), message: `Ended by ${signal}${kept}` }
  }
  if (Exit.isSuccess(exit)) return { code: decided.code, message: null }
  return Cause.hasDies(exit.cause)
    ? ofDefect(Cause.squash(exit.cause), verbose)
    : ofError(Cause.squash(exit.cause), verbose)
}
