import { Effect } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { LocalError } from "../domain/Failure.ts"
import type { RequestRecord, WorkloadRequest } from "../domain/Request.ts"
import type { LoadRecord } from "../workload/LoadClient.ts"
import type { Schedule } from "../workload/Schedule.ts"
import { coefficientOfVariation, settled } from "./Convergence.ts"

/** What warm-up did. `converged` and `cv` are null when convergence was not asked for. */
export interface WarmupOutcome {
  readonly requests: number
  readonly converged: boolean | null
  readonly cv: number | null
  readonly targetCv: number | null
  readonly failure: RequestRecord["error"]
}

export type Send = (
  requests: ReadonlyArray<WorkloadRequest>,
  schedule: Schedule,
) => Effect.Effect<LoadRecord, LocalError>

/** The workload's own prompts, as many as asked for, over and over when there are fewer. */
const prompts = (workload: ReadonlyArray<WorkloadRequest>, count: number): ReadonlyArray<WorkloadRequest> =>
  Array.from({ length: count }, (_, index) => workload[index % workload.length]).flatMap((request, index) =>
    request === undefined ? [] : [{ ...request, id: index }],
  )

const secondsPerToken = (record: RequestRecord): number | null =>
  record.sentSeconds === null || record.lastTokenSeconds === null || !record.outputTokens
    ? null
    : (record.lastTokenSeconds - record.sentSeconds) / record.outputTokens

const firstFailure = (requests: ReadonlyArray<RequestRecord>): RequestRecord["error"] =>
  requests.find((request) => request.error !== null)?.error ?? null

/** Warm-up goes at the measured concurrency; arrivals in time would only make it longer. */
const pacing = (schedule: Schedule): Schedule =>
  schedule.kind === "open" ? { kind: "closed", concurrency: 4 } : schedule

const fixed = (workload: ReadonlyArray<WorkloadRequest>, count: number, schedule: Schedule, send: Send) =>
  Effect.map(
    send(prompts(workload, count), pacing(schedule)),
    (record): WarmupOutcome => ({
      requests: record.requests.length,
      converged: null,
      cv: null,
      targetCv: null,
      failure: firstFailure(record.requests),
    }),
  )

const untilSettled = (workload: ReadonlyArray<WorkloadRequest>, warmup: Experiment["warmup"], send: Send) =>
  Effect.gen(function* () {
    const rule = { target: warmup.cv_threshold, windowSize: warmup.window_size, minPrompts: warmup.min_prompts }
    const latencies: Array<number> = []
    let failure: RequestRecord["error"] = null
    for (const prompt of prompts(workload, warmup.max_prompts)) {
      const { requests } = yield* send([prompt], { kind: "batches", batchSize: 1 })
      failure = firstFailure(requests)
      if (failure !== null) break
      latencies.push(...requests.map(secondsPerToken).filter((value) => value !== null))
      if (settled(latencies, rule)) break
    }
    const outcome: WarmupOutcome = {
      requests: latencies.length,
      converged: settled(latencies, rule),
      cv: coefficientOfVariation(latencies.slice(-rule.windowSize)),
      targetCv: rule.target,
      failure,
    }
    return outcome
  })

/**
 * Warms the engine up with prompts of the workload: a fixed number of them in batches of the measured size, or one
 * after another until their latency per token has settled.
 */
export const run = (
  warmup: Experiment["warmup"],
  workload: ReadonlyArray<WorkloadRequest>,
  schedule: Schedule,
  send: Send,
): Effect.Effect<WarmupOutcome, LocalError> =>
  warmup.convergence_detection ? untilSettled(workload, warmup, send) : fixed(workload, warmup.n_warmup, schedule, send)
