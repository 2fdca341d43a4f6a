import { Result, Runtime, Schema } from "effect"
import { type Backend, all as backends } from "../domain/Backend.ts"
import { problemOf as imageProblem } from "../domain/ImageName.ts"
import type { NodeFacts } from "../domain/NodeFacts.ts"
import { Finding, type Notice } from "../domain/Notice.ts"
import type { Resolution, RunnerMode } from "../domain/RunnerSpec.ts"

export interface JudgeInput {
  readonly resolution: Resolution
  readonly facts: NodeFacts
  /** The runners that this build has an executor for. */
  readonly executors: ReadonlyArray<RunnerMode>
  /** The backends that this build can drive; absent: all. */
  readonly adapters?: ReadonlyArray<Backend>
}

/** What a study meets on this node. */
export interface Judgement {
  readonly notices: ReadonlyArray<Notice>
  readonly findings: ReadonlyArray<Finding>
  /** Why a backend's cells are skipped, by backend. */
  readonly unavailable: Readonly<Partial<Record<Backend, string>>>
}

/** The node cannot run the study: every finding that keeps it from doing so, at once (exit code 1). */
export class PreFlightError extends Schema.TaggedError<PreFlightError>()("PreFlightError", {
  findings: Schema.Array(Finding),
}) {
  override readonly [Runtime.errorExitCode] = 1

  override get message(): string {
    return this.findings.map((finding) => `${finding.message}\n  ${finding.fix}`).join("\n")
  }
}

const modeNames: Readonly<Record<RunnerMode, string>> = {
  local: "as local processes",
  docker: "in Docker",
  slurm: "through Slurm",
}

const withoutExecutor = (input: JudgeInput, entries: ReadonlyArray<Entry>): ReadonlyArray<Finding> => {
  const missing = Map.groupBy(
    entries.filter((entry) => !input.executors.includes(entry.mode)),
    (entry) => entry.mode,
  )
  const have = input.executors.map((mode) => modeNames[mode]).join(" and ")
  return [...missing].map(([mode, those]) => ({
    code: "runner_unsupported",
    message: `${names(those)} would run ${modeNames[mode]}, but this build of llem runs engines only ${have}.`,
    fix: `Ask for a runner that it has (--runner ${input.executors.join(" or ")}).`,
    blocking: true,
  }))
}

/** Images that environment or user config name, which no check of the study file has seen. */
const withoutImage = ({ resolution }: JudgeInput): ReadonlyArray<Finding> =>
  Object.entries(resolution.runners).flatMap(([backend, { mode, image }]) => {
    const problem = mode === "docker" && image !== null ? imageProblem(image) : null
    return problem === null
      ? []
      : [
          {
            code: "image_name",
            message: `The image of ${backend} is ${image}, which Docker would refuse: ${problem}.`,
            fix: `Correct LLEM_IMAGE_${backend.toUpperCase()}, or images in the study file or the user config.`,
            blocking: true,
          },
        ]
  })

/** TensorRT-LLM has no CPU path at all; the others of the engines do in some build or image. */
const withoutGpu = (input: JudgeInput, entries: ReadonlyArray<Entry>): ReadonlyArray<Finding> =>
  input.facts.gpus.length === 0 && entries.some((entry) => entry.backend === "tensorrt" && entry.mode !== "slurm")
    ? [
        {
          code: "gpu_required",
          message: "tensorrt runs on NVIDIA GPUs only, and none was found on this node.",
          fix: "Run its experiments on a node with a GPU, or choose another backend.",
          blocking: false,
        },
      ]
    : []

interface Entry {
  readonly backend: Backend
  readonly mode: RunnerMode
}

const names = (entries: ReadonlyArray<Entry>): string =>
  entries
    .map((entry) => entry.backend)
    .toSorted()
    .join(", ")

const reasonOf = ({ facts, adapters }: JudgeInput, { backend, mode }: Entry): string | null => {
  if (adapters?.includes(backend) === false) return "this build of llem has no adapter for it"
  const engine = facts.engines[backend]
  return mode !== "local" || engine.available ? null : (engine.reason ?? "its engine was not found")
}

/**
 * Everything that the facts say about the resolved runners, all at once. A backend that should run as a local process
 * and is not here is no finding but an error notice: its cells are skipped and the study goes on.
 */
export const judge = (input: JudgeInput): Judgement => {
  const { resolution } = input
  const entries = Object.entries(resolution.runners).flatMap(([name, runner]): ReadonlyArray<Entry> => {
    const backend = backends.find((one) => one === name)
    return backend === undefined || resolution.undecided.includes(backend) ? [] : [{ backend, mode: runner.mode }]
  })
  const unavailable = entries.flatMap((entry) => {
    const reason = reasonOf(input, entry)
    return reason === null ? [] : [[entry.backend, `${entry.backend} cannot run here: ${reason}`] as const]
  })
  return {
    notices: [
      ...resolution.notices,
      ...unavailable.map(
        ([, message]): Notice => ({
          code: "backend_unavailable",
          severity: "error",
          message: `${message}. Its cells are skipped.`,
        }),
      ),
    ],
    findings: [
      ...resolution.findings,
      ...withoutExecutor(input, entries),
      ...withoutImage(input),
      ...withoutGpu(input, entries),
    ],
    unavailable: Object.fromEntries(unavailable),
  }
}

/** Passes when nothing keeps a plan from running; else every blocking finding. */
export const ready = (findings: ReadonlyArray<Finding>): Result.Result<void, PreFlightError> => {
  const blocking = findings.filter((finding) => finding.blocking)
  return blocking.length === 0 ? Result.succeed(undefined) : Result.fail(new PreFlightError({ findings: blocking }))
}
