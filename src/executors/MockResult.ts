import type { Cell } from "../domain/Plan.ts"
import type { EfficiencyFigures, ResultDocument } from "../domain/ResultDocument.ts"
import { unexplainedNulls } from "../domain/UnexplainedNulls.ts"
import { version } from "../domain/Version.ts"
import { type ClockAnchor, toRfc3339 } from "../domain/Window.ts"
import type { ScriptedResult } from "./MockScript.ts"

const why = "the scripted executor measures nothing, and its file gives no such figure"

export interface Scripted {
  readonly cell: Cell
  readonly figures: ScriptedResult
  readonly anchor: ClockAnchor
  /** When the scripted window began, in seconds of the monotonic clock. */
  readonly startSeconds: number
  readonly host: string
}

const window = ({ figures, anchor, startSeconds }: Scripted): ResultDocument["window"] =>
  figures.duration_seconds === undefined
    ? null
    : {
        started_at: toRfc3339(anchor, startSeconds),
        ended_at: toRfc3339(anchor, startSeconds + figures.duration_seconds),
        duration_seconds: figures.duration_seconds,
        steady: null,
      }

const energy = ({ figures }: Scripted): ResultDocument["energy"] => {
  const joules = figures.energy_joules
  if (joules === undefined) return null
  const domain = {
    domain: "scripted",
    meter: "mock",
    quality: "estimated",
    joules,
    uncertainty_joules: null,
    baseline_watts: null,
    adjusted_joules: null,
    why: "A figure of the scripted executor's file, not a measurement",
  } as const
  return {
    domains: [domain],
    total_joules: joules,
    total_uncertainty_joules: null,
    quality: "estimated",
    total_scope: ["scripted"],
    total_missing: [],
  }
}

const rate = (amount: number, seconds: number | undefined): number | null =>
  seconds === undefined ? null : amount / seconds

/** What the script says of the load; requests and input tokens that it does not tell are those that the cell asks for. */
const load = ({ cell: { experiment }, figures }: Scripted) => {
  const requests = figures.requests ?? experiment.n
  const inputLength =
    typeof experiment.dataset === "string" ? experiment.max_input_tokens : experiment.dataset.input_len
  return { requests, inputTokens: figures.input_tokens ?? requests * inputLength, outputTokens: figures.output_tokens }
}

const throughput = (of: Scripted): ResultDocument["throughput"] => {
  const { requests, inputTokens, outputTokens } = load(of)
  const seconds = of.figures.duration_seconds
  if (outputTokens === undefined) return null
  return {
    requests,
    failed_requests: 0,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    output_tokens_per_second: rate(outputTokens, seconds),
    requests_per_second: rate(requests, seconds),
    goodput_requests_per_second: null,
  }
}

const quotient = (above: number, below: number): number | null => (below === 0 ? null : above / below)

const efficiency = (of: Scripted): EfficiencyFigures | null => {
  const { requests, inputTokens, outputTokens } = load(of)
  const joules = of.figures.energy_joules
  if (joules === undefined || outputTokens === undefined) return null
  return {
    joules_per_output_token: quotient(joules, outputTokens),
    joules_per_token: quotient(joules, inputTokens + outputTokens),
    joules_per_request: quotient(joules, requests),
    output_tokens_per_joule: quotient(outputTokens, joules),
    co2e_grams: null,
    energy_cost_per_million_output_tokens: null,
    machine_cost_per_million_output_tokens: null,
    currency: null,
  }
}

/** A completed result of the scripted executor: its figures are the script's, and its verdict is never valid. */
export const document = (of: Scripted): ResultDocument => {
  const { cell } = of
  const draft: ResultDocument = {
    schema: "llem.result/1",
    experiment: { hash: cell.hash, index: cell.index, cycle: cell.cycle, config: cell.experiment },
    status: "completed",
    error: null,
    verdict: {
      valid: false,
      reasons: [{ code: "mock", message: "The scripted executor made this result: nothing was run or measured" }],
      warnings: [],
    },
    runner: { mode: "mock", image: cell.runner.image, image_digest: null, container_id: null, network: null },
    engine: null,
    window: window(of),
    phases: [],
    energy: energy(of),
    throughput: throughput(of),
    latency: null,
    efficiency: efficiency(of),
    efficiency_steady: null,
    output: null,
    flops: null,
    warmup: null,
    sampling: null,
    client: null,
    unavailable: {},
    definitions: {},
    clock: null,
    provenance: { llem_version: version, llem_sha256: null, host: of.host, started_by: "mock" },
  }
  return { ...draft, unavailable: Object.fromEntries(unexplainedNulls(draft).map((path) => [path, why])) }
}
