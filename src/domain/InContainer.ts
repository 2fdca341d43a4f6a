import { DockerError, type ExecutionError } from "./Failure.ts"
import type { RunnerMode } from "./RunnerSpec.ts"

const reasons = { timeout: "timeout", ready_timeout: "timeout", silence: "silence" } as const

/** An engine that takes too long in a container is a failure of the Docker run, and is recorded as one. */
export const inContainer = (mode: RunnerMode, error: ExecutionError): ExecutionError => {
  if (mode !== "docker" || error._tag !== "EngineError") return error
  if (error.reason !== "timeout" && error.reason !== "ready_timeout" && error.reason !== "silence") return error
  const { message, fix, details } = error
  return new DockerError({ reason: reasons[error.reason], message, fix, details })
}
