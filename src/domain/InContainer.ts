import { Option, Schema } from "effect"
import { DockerError, type ExecutionError, withDetails } from "./Failure.ts"
import type { RunnerMode } from "./RunnerSpec.ts"

/** The container that a cell's engine ran in, as results name it. */
export const ContainerRef = Schema.Struct({
  id: Schema.String,
  image_digest: Schema.String,
  network: Schema.Literals(["private", "published_port"]),
})
export type ContainerRef = typeof ContainerRef.Type

const decode = Schema.decodeUnknownOption(ContainerRef)

/** The container that an error happened in; null when there was none, or it had not been started. */
export const containerOf = (error: ExecutionError): ContainerRef | null =>
  Option.getOrNull(decode(error.details["container"]))

const reasons = { timeout: "timeout", ready_timeout: "timeout", silence: "silence" } as const

/**
 * An engine that takes too long in a container is a failure of the Docker run, and is recorded as one. Whatever
 * happened in a container names it.
 */
export const inContainer = (
  mode: RunnerMode,
  error: ExecutionError,
  container: ContainerRef | null = null,
): ExecutionError => {
  const named = container === null ? error : withDetails(error, { container })
  if (mode !== "docker" || named._tag !== "EngineError") return named
  if (named.reason !== "timeout" && named.reason !== "ready_timeout" && named.reason !== "silence") return named
  const { message, fix, details } = named
  return new DockerError({ reason: reasons[named.reason], message, fix, details })
}
