import { EngineError } from "../domain/Failure.ts"
import type { EngineExit } from "./EngineHost.ts"

/** What is known of an engine that ended by itself. */
export interface CrashEvidence {
  readonly engine: string
  readonly exit: EngineExit
  readonly logTail: ReadonlyArray<string>
  readonly logFile: string
  /** Whether the kernel's out-of-memory killer struck while the engine ran. */
  readonly outOfMemory: boolean
}

const portTaken = /address already in use|EADDRINUSE/i
const outOfMemoryText = /out of memory|cannot allocate memory|std::bad_alloc|failed to allocate/i

const describeExit = (exit: EngineExit): string =>
  exit.signal !== null ? `was ended by signal ${exit.signal}` : `ended with exit code ${exit.code ?? "unknown"}`

/** The typed error for an engine process that ended by itself, with its last log lines as evidence. */
export const crashError = (evidence: CrashEvidence): EngineError => {
  const { engine, exit, logTail, logFile } = evidence
  const text = logTail.join("\n")
  const details = { exit_code: exit.code, signal: exit.signal, log_tail: logTail }
  const last = logTail.at(-1)
  const because = last === undefined ? "" : `: ${last.trim()}`
  if (exit.signal === "SIGKILL" && evidence.outOfMemory) {
    return new EngineError({
      reason: "oom",
      message: `The ${engine} engine was ended by the kernel's out-of-memory killer`,
      fix: "Reduce the batch size or the context, or use a smaller model.",
      details,
    })
  }
  if (portTaken.test(text)) {
    return new EngineError({
      reason: "port",
      message: `The ${engine} engine could not listen on its port${because}`,
      fix: "Another process took the port between its choice and its use; run the study again.",
      details,
    })
  }
  if (outOfMemoryText.test(text)) {
    return new EngineError({
      reason: "oom",
      message: `The ${engine} engine ran out of memory and ${describeExit(exit)}${because}`,
      fix: "Reduce the batch size or the context, or use a smaller model.",
      details,
    })
  }
  return new EngineError({
    reason: "crash",
    message: `The ${engine} engine ${describeExit(exit)}${because}`,
    fix: `Its log has the cause: ${logFile}`,
    details,
  })
}
