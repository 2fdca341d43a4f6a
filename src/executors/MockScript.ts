import { Result, Schema } from "effect"
import { Backend } from "../domain/Backend.ts"
import { DockerError, EngineError, type ExecutionError, LocalError, MeterError } from "../domain/Failure.ts"
import { numberAtLeast, optional } from "../domain/Fields.ts"
import { DockerFacts, GpuFacts, type NodeFacts } from "../domain/NodeFacts.ts"

const failure = <Name extends string, R extends Schema.Constraint>(name: Name, reason: R) =>
  Schema.Struct({ error: Schema.Literal(name), reason, message: optional(Schema.String) })

const Outcome = Schema.Union([
  Schema.Literals(["completed", "hang", "defect"]),
  failure("DockerError", DockerError.fields.reason),
  failure("EngineError", EngineError.fields.reason),
  failure("LocalError", LocalError.fields.reason),
  failure("MeterError", MeterError.fields.reason),
])
type Outcome = typeof Outcome.Type

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Figures that a scripted cell claims. What is absent is null in its result. */
const ScriptedResult = Schema.Struct({
  energy_joules: optional(Schema.Finite),
  output_tokens: optional(count),
  input_tokens: optional(count),
  requests: optional(count),
  duration_seconds: optional(Schema.Finite.check(Schema.isGreaterThan(0))),
})
export type ScriptedResult = typeof ScriptedResult.Type

const behaviour = {
  seconds: optional(numberAtLeast(0)),
  outcome: optional(Outcome),
  result: optional(ScriptedResult),
}

const Match = Schema.Struct({
  backend: optional(Backend),
  index: optional(Schema.Int),
  cycle: optional(Schema.Int),
  attempt: optional(Schema.Int),
})

const EngineThere = Schema.Union([
  Schema.Boolean,
  Schema.Struct({ available: Schema.Boolean, reason: optional(Schema.NullOr(Schema.String)) }),
])

const Facts = Schema.Struct({
  docker: optional(
    Schema.Struct({
      usable: Schema.Boolean,
      reason: optional(Schema.NullOr(Schema.String)),
      code: DockerFacts.fields.code,
      gpu_reason: DockerFacts.fields.gpuReason,
    }),
  ),
  inside_container: optional(Schema.Boolean),
  engines: optional(Schema.Record(Schema.String, EngineThere)),
  gpus: optional(Schema.Array(Schema.Union([Schema.String, GpuFacts]))),
})

/** The file that `LLEM_EXECUTOR=mock:FILE` names: what each cell does, and what the node pretends to be. */
export const MockScript = Schema.Struct({
  rules: optional(Schema.Array(Schema.Struct({ match: optional(Match), ...behaviour }))),
  default: optional(Schema.Struct(behaviour)),
  facts: optional(Facts),
})
export type MockScript = typeof MockScript.Type

/** The scripted executor's file cannot be used (exit code 2). */
export class MockScriptError extends Schema.TaggedError<MockScriptError>()("MockScriptError", {
  file: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `The scripted executor's file ${this.file} cannot be used: ${this.problem}`
  }
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(MockScript), {
  errors: "all",
  onExcessProperty: "error",
})

/** Reads the file's text; unknown keys are errors. */
export const parse = (file: string, text: string): Result.Result<MockScript, MockScriptError> =>
  Result.mapError(decode(text), (problem) => new MockScriptError({ file, problem: problem.message }))

/** A cell as rules see it. */
export interface Attempt {
  readonly backend: Backend
  readonly index: number
  readonly cycle: number
  readonly attempt: number
}

/** What a cell does. */
export interface Behaviour {
  readonly seconds: number
  readonly outcome: Outcome
  readonly result: ScriptedResult
}

const matches = (match: typeof Match.Type, cell: Attempt): boolean =>
  (match.backend ?? cell.backend) === cell.backend &&
  (match.index ?? cell.index) === cell.index &&
  (match.cycle ?? cell.cycle) === cell.cycle &&
  (match.attempt ?? cell.attempt) === cell.attempt

/** The behaviour of one attempt at a cell: that of the first rule that matches, else the default. */
export const behaviourOf = (script: MockScript, cell: Attempt): Behaviour => {
  const taken = script.rules?.find((rule) => matches(rule.match ?? {}, cell)) ?? script.default
  return { seconds: taken?.seconds ?? 0, outcome: taken?.outcome ?? "completed", result: taken?.result ?? {} }
}

/** A scripted failure as the error that it names. */
export const errorOf = (outcome: Exclude<Outcome, string>): ExecutionError => {
  const said = {
    message: outcome.message ?? `Scripted ${outcome.error}`,
    fix: "This failure was scripted.",
    details: { scripted: true },
  }
  switch (outcome.error) {
    case "DockerError":
      return new DockerError({ reason: outcome.reason, ...said })
    case "EngineError":
      return new EngineError({ reason: outcome.reason, ...said })
    case "LocalError":
      return new LocalError({ reason: outcome.reason, ...said })
    case "MeterError":
      return new MeterError({ reason: outcome.reason, ...said })
  }
}

const engineFacts = (there: typeof EngineThere.Type | undefined): NodeFacts["engines"][Backend] => {
  const available = typeof there === "object" ? there.available : (there ?? true)
  const given = typeof there === "object" ? (there.reason ?? null) : null
  return { available, reason: available ? null : (given ?? "its engine is not installed on this node") }
}

/** The node that the script pretends to be: what it does not mention is usable and there, and no GPU is. */
export const facts = (script: MockScript): NodeFacts => {
  const { docker, engines, gpus, inside_container } = script.facts ?? {}
  const there = (backend: Backend) => engineFacts(engines?.[backend])
  return {
    docker: {
      usable: docker?.usable ?? true,
      reason: docker?.usable === false ? (docker.reason ?? "no Docker daemon answers") : null,
      ...(docker?.code === undefined ? {} : { code: docker.code }),
      ...(docker?.gpu_reason === undefined ? {} : { gpuReason: docker.gpu_reason }),
    },
    insideContainer: inside_container ?? false,
    engines: {
      pytorch: there("pytorch"),
      vllm: there("vllm"),
      tensorrt: there("tensorrt"),
      sglang: there("sglang"),
      llamacpp: there("llamacpp"),
      embedded: there("embedded"),
      endpoint: there("endpoint"),
    },
    gpus: (gpus ?? []).map((gpu) => (typeof gpu === "string" ? { uuid: gpu, name: "scripted GPU" } : gpu)),
  }
}
