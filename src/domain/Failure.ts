import { Schema } from "effect"

/** Why a Docker run failed: the `reason` of results and the suffix of `DockerError.<reason>` in manifests. */
export const DockerReason = Schema.Literals([
  "daemon",
  "permission",
  "remote",
  "image",
  "pull",
  "gpu",
  "port",
  "mount",
  "oom",
  "timeout",
  "silence",
  "crash",
])

const failureFields = {
  /** What happened, in one sentence for a person. */
  message: Schema.String,
  /** What to do about it. */
  fix: Schema.String,
  /** The evidence: exit code, signal, last log lines, paths. */
  details: Schema.Record(Schema.String, Schema.Unknown),
}

/** A container or its daemon failed. */
export class DockerError extends Schema.TaggedError<DockerError>()("DockerError", {
  reason: DockerReason,
  ...failureFields,
}) {}

/** The engine itself failed: it could not load, crashed, hung or answered with errors. */
export class EngineError extends Schema.TaggedError<EngineError>()("EngineError", {
  reason: Schema.Literals([
    "model",
    "load",
    "ready_timeout",
    "crash",
    "oom",
    "silence",
    "timeout",
    "request",
    "port",
    "unsupported",
  ]),
  ...failureFields,
}) {}

/** This node could not run the engine as a local process. */
export class LocalError extends Schema.TaggedError<LocalError>()("LocalError", {
  reason: Schema.Literals(["spawn", "port", "permission", "storage", "data", "busy"]),
  ...failureFields,
}) {}

/** A meter that the study insists on could not be opened or read. */
export class MeterError extends Schema.TaggedError<MeterError>()("MeterError", {
  reason: Schema.Literals(["unavailable", "lost"]),
  ...failureFields,
}) {}

/** A defect of llem itself while one cell ran; the study goes on. */
export class DefectError extends Schema.TaggedError<DefectError>()("DefectError", {
  reason: Schema.Literals(["defect"]),
  ...failureFields,
}) {}

/** Everything that can end one cell without a result. */
export type ExecutionError = DockerError | EngineError | LocalError | MeterError | DefectError

/** The same error with more evidence. */
export const withDetails = (error: ExecutionError, more: Readonly<Record<string, unknown>>): ExecutionError => {
  const { message, fix } = error
  const fields = { message, fix, details: { ...error.details, ...more } }
  switch (error._tag) {
    case "DockerError":
      return new DockerError({ reason: error.reason, ...fields })
    case "EngineError":
      return new EngineError({ reason: error.reason, ...fields })
    case "LocalError":
      return new LocalError({ reason: error.reason, ...fields })
    case "MeterError":
      return new MeterError({ reason: error.reason, ...fields })
    case "DefectError":
      return new DefectError({ reason: error.reason, ...fields })
  }
}

/** The `error_type` of manifests and progress events, e.g. `EngineError.crash`. */
export const errorType = (error: ExecutionError): string => `${error._tag}.${error.reason}`
