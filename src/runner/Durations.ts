import type { Experiment } from "../domain/Experiment.ts"
import type { PhaseTimeouts } from "../domain/Plan.ts"
import { type Gate, strictGateSeconds, type Timeouts } from "../domain/Study.ts"

/** Limits in seconds of one cell: the whole, and each phase. */
export interface CellLimits {
  readonly timeoutSeconds: number
  readonly timeouts: PhaseTimeouts
}

// Slow enough for a 7B model on a few CPU cores: a limit must not end what is merely slow, as silence ends what hangs.
const slowest = { inputTokensPerSecond: 20, outputTokensPerSecond: 1 }
// What a small model does on a CPU and a large one on a GPU: a guess for the plan, not a limit.
const usual = { inputTokensPerSecond: 1000, outputTokensPerSecond: 40 }

const shortestLimitSeconds = 600
const launchLimitSeconds = 900
const silenceLimitSeconds = 300
/** Gate, drain, stop and bookkeeping. */
const slackSeconds = 120

const lengths = ({ dataset, max_input_tokens, max_output_tokens }: Experiment) =>
  typeof dataset === "string"
    ? { input: max_input_tokens, output: max_output_tokens }
    : { input: dataset.input_len, output: dataset.output_len }

const secondsPerRequest = (experiment: Experiment, pace: typeof slowest): number => {
  const { input, output } = lengths(experiment)
  return input / pace.inputTokensPerSecond + output / pace.outputTokensPerSecond
}

const warmupRequests = ({ warmup }: Experiment): number => {
  if (!warmup.enabled) return 0
  return warmup.convergence_detection ? warmup.max_prompts : warmup.n_warmup
}

/** Seconds in which the load itself sends its requests; 0 when it sends as fast as the engine answers. */
const arrivalSeconds = ({ load, n }: Experiment): number =>
  load.duration_seconds ?? (load.rate === undefined ? 0 : n / load.rate)

const floorSeconds = ({ warmup }: Experiment): number => (warmup.enabled ? warmup.thermal_floor_seconds : 0)

const baselineSeconds = ({ baseline, energy }: Experiment): number =>
  baseline.enabled && energy.backend !== null ? baseline.duration_seconds : 0

/**
 * Limits of a cell, in seconds. With p = input/20 + output/1, the seconds of one request at the slowest pace that is
 * waited for (20 input and 1 output token per second):
 *
 * - launch and load: 900
 * - warm-up: max(600, prompts x p), the prompts being `n_warmup` or, with convergence detection, `max_prompts`
 * - window: max(600, n x p, arrivals + 10 p), arrivals being `duration_seconds` or n / rate
 * - silence: 300
 * - the whole: launch + warm-up + window + thermal floor + baseline + 120, and 300 more where `gate` is strict
 *
 * `given` (`execution.timeouts`) replaces any of them; the whole is then the sum of what holds.
 */
export const limits = (experiment: Experiment, given: Timeouts, gate: Gate = "warn"): CellLimits => {
  const perRequest = secondsPerRequest(experiment, slowest)
  const arrivals = arrivalSeconds(experiment)
  const timeouts: PhaseTimeouts = {
    launchSeconds: given.launch_seconds ?? launchLimitSeconds,
    warmupSeconds: given.warmup_seconds ?? Math.max(shortestLimitSeconds, warmupRequests(experiment) * perRequest),
    windowSeconds:
      given.window_seconds ??
      Math.max(shortestLimitSeconds, experiment.n * perRequest, arrivals > 0 ? arrivals + 10 * perRequest : 0),
    silenceSeconds: given.silence_seconds ?? silenceLimitSeconds,
  }
  const whole =
    timeouts.launchSeconds +
    timeouts.warmupSeconds +
    timeouts.windowSeconds +
    floorSeconds(experiment) +
    baselineSeconds(experiment) +
    slackSeconds +
    (gate === "strict" ? strictGateSeconds : 0)
  return { timeoutSeconds: Math.ceil(given.cell_seconds ?? whole), timeouts }
}

const startSeconds = ({ backend }: Experiment): number => {
  if (backend === "embedded") return 2
  return backend === "llamacpp" ? 5 : 60
}

/**
 * How long a cell probably takes, in seconds, without its baseline: start-up (2 for the embedded engine, 5 for
 * llama.cpp's server, 60 for the others), warm-up and window at 1000 input and 40 output tokens per second and
 * request, shared by the `requestsAtOnce`, and the thermal floor. A guess: measured cells replace it as soon as there
 * are some.
 */
export const expected = (experiment: Experiment, requestsAtOnce: number): number => {
  const perRequest = secondsPerRequest(experiment, usual) / Math.max(1, requestsAtOnce)
  const window = Math.max(experiment.load.duration_seconds ?? experiment.n * perRequest, arrivalSeconds(experiment))
  return startSeconds(experiment) + warmupRequests(experiment) * perRequest + floorSeconds(experiment) + window
}

/** Seconds of the idle baseline of an experiment; it is kept for the cells that follow. */
export const baseline = baselineSeconds
