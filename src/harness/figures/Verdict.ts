import type { Quality } from "../../domain/Energy.ts"

/** What a verdict is passed on. A null says that the thing was not there to be looked at. */
export interface Evidence {
  readonly mock: boolean
  readonly requests: number
  readonly failedRequests: number
  /** Kind and text of the first failure. */
  readonly firstFailure: string | null
  readonly windowSeconds: number | null
  readonly meteringOff: boolean
  readonly energy: {
    readonly totalJoules: number | null
    readonly quality: Quality
    /** Why the total is null. */
    readonly why: string | null
    /** What the meter's steps leave open at the window's two edges, in joules; null when it is not known. */
    readonly edgeJoules: number | null
  }
  /** null when nothing was sampled. */
  readonly sampling: {
    readonly sampleHz: number
    readonly samplesInWindow: number
    readonly gapMaxSeconds: number | null
    /** Whether there are samples before the window's start and after its end. */
    readonly coversWindow: boolean
  } | null
  readonly client: {
    /** CPU seconds of the client's thread over the window's seconds. */
    readonly cpuShare: number
    readonly sendLatenessP99Seconds: number
  } | null
  /** null when the floor does not apply (warm-up is off, or there is a mock). */
  readonly thermalFloorSeconds: number | null
  /** Requests with fewer output tokens than asked, where exact lengths were asked; null where they were not. */
  readonly shortOutputs: number | null
  /** Requests whose prompts were longer than `max_input_tokens`, by the server's count. */
  readonly longInputs: number
}

/** One thing found, with the figure that was measured and the limit that it is held against. */
export interface Finding {
  readonly code: string
  readonly message: string
  readonly measured: number | null
  readonly limit: number | null
}

export interface Verdict {
  readonly valid: boolean
  readonly reasons: ReadonlyArray<Finding>
  readonly warnings: ReadonlyArray<Finding>
}

type Found = Omit<Finding, "code">

interface Rule {
  readonly code: string
  /** A reason makes the result invalid, a warning does not. */
  readonly level: "reason" | "warning"
  readonly find: (evidence: Evidence) => Found | null
}

/** Limits of the rules below, in the units of their names. */
export const limits = {
  shortWindowSeconds: 10,
  edgeShare: 0.05,
  samples: 10,
  gapPeriods: 3,
  clientCpuShare: 0.8,
  latenessInvalidSeconds: 0.05,
  latenessWarningSeconds: 0.01,
  thermalFloorSeconds: 30,
} as const

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const millis = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`

const above = (measured: number | null, limit: number, message: (measured: number) => string): Found | null =>
  measured !== null && measured > limit ? { message: message(measured), measured, limit } : null

const below = (measured: number | null, limit: number, message: (measured: number) => string): Found | null =>
  measured !== null && measured < limit ? { message: message(measured), measured, limit } : null

const when = (condition: boolean, message: string): Found | null =>
  condition ? { message, measured: null, limit: null } : null

const metered = (evidence: Evidence): boolean => !evidence.meteringOff && evidence.energy.totalJoules !== null

/** Every rule, in the order in which its finding is listed. */
export const rules: ReadonlyArray<Rule> = [
  {
    code: "mock",
    level: "reason",
    find: (e) => when(e.mock, "A scripted executor made this result: nothing was measured"),
  },
  {
    code: "no_successful_request",
    level: "reason",
    find: (e) =>
      e.requests - e.failedRequests > 0
        ? null
        : {
            message: `No request of ${e.requests} succeeded (${e.firstFailure ?? "none was sent"})`,
            measured: 0,
            limit: 1,
          },
  },
  {
    code: "failed_requests",
    level: "reason",
    find: (e) =>
      e.failedRequests === e.requests
        ? null
        : above(
            e.failedRequests,
            0,
            (failed) =>
              `${failed} of ${e.requests} requests failed (${percent(failed / e.requests)}; first: ${e.firstFailure ?? "unknown"})`,
          ),
  },
  {
    code: "energy_unavailable",
    level: "reason",
    find: (e) =>
      when(
        !e.meteringOff && e.energy.totalJoules === null,
        `There is no total energy: ${e.energy.why ?? "no domain could be read"}`,
      ),
  },
  {
    code: "window_not_covered",
    level: "reason",
    find: (e) =>
      when(metered(e) && e.sampling?.coversWindow === false, "The samples do not reach over both edges of the window"),
  },
  {
    code: "window_too_short_for_meter",
    level: "reason",
    find: (e) =>
      metered(e) && e.energy.edgeJoules !== null && e.energy.totalJoules !== null && e.energy.totalJoules > 0
        ? above(
            e.energy.edgeJoules / e.energy.totalJoules,
            limits.edgeShare,
            (share) =>
              `The meter's steps leave ${percent(share)} of the energy open at the window's edges (limit ${percent(limits.edgeShare)}): the window is too short for this meter; more or longer requests make it longer`,
          )
        : null,
  },
  {
    code: "client_saturated",
    level: "reason",
    find: (e) =>
      above(
        e.client?.cpuShare ?? null,
        limits.clientCpuShare,
        (share) => `The load client used ${percent(share)} of its core (limit ${percent(limits.clientCpuShare)})`,
      ),
  },
  {
    code: "client_late",
    level: "reason",
    find: (e) =>
      above(
        e.client?.sendLatenessP99Seconds ?? null,
        limits.latenessInvalidSeconds,
        (late) =>
          `The load client sent up to ${millis(late)} late (p99; limit ${millis(limits.latenessInvalidSeconds)})`,
      ),
  },
  {
    code: "no_energy",
    level: "warning",
    find: (e) => when(e.meteringOff, "Metering is off (energy.backend is null): there are no energy figures"),
  },
  {
    code: "energy_estimated",
    level: "warning",
    find: (e) =>
      when(
        metered(e) && e.energy.quality === "estimated",
        "Energy is estimated from a stated model, not measured by a sensor",
      ),
  },
  {
    code: "short_window",
    level: "warning",
    find: (e) =>
      below(
        e.windowSeconds,
        limits.shortWindowSeconds,
        (seconds) => `The window took ${seconds.toFixed(3)} s (recommended: at least ${limits.shortWindowSeconds} s)`,
      ),
  },
  {
    code: "low_sample_count",
    level: "warning",
    find: (e) =>
      metered(e)
        ? below(
            e.sampling?.samplesInWindow ?? null,
            limits.samples,
            (samples) => `Only ${samples} power samples lie in the window (recommended: at least ${limits.samples})`,
          )
        : null,
  },
  {
    code: "sampler_gap",
    level: "warning",
    find: (e) => {
      if (!metered(e) || e.sampling === null) return null
      const limit = limits.gapPeriods / e.sampling.sampleHz
      return above(
        e.sampling.gapMaxSeconds,
        limit,
        (gap) => `No power sample for ${millis(gap)} (limit ${millis(limit)}: ${limits.gapPeriods} periods)`,
      )
    },
  },
  {
    code: "client_lateness",
    level: "warning",
    find: (e) => {
      const late = e.client?.sendLatenessP99Seconds ?? null
      return late !== null && late > limits.latenessInvalidSeconds
        ? null
        : above(
            late,
            limits.latenessWarningSeconds,
            (seconds) =>
              `The load client sent up to ${millis(seconds)} late (p99; recommended: at most ${millis(limits.latenessWarningSeconds)})`,
          )
    },
  },
  {
    code: "thermal_floor_short",
    level: "warning",
    find: (e) =>
      below(
        e.thermalFloorSeconds,
        limits.thermalFloorSeconds,
        (seconds) =>
          `The thermal floor was ${seconds} s (recommended: at least ${limits.thermalFloorSeconds} s): the device may not have been at its working temperature`,
      ),
  },
  {
    code: "output_shorter",
    level: "warning",
    find: (e) =>
      above(
        e.shortOutputs,
        0,
        (count) =>
          `${count} of ${e.requests} requests brought fewer output tokens than asked, though exact lengths were asked`,
      ),
  },
  {
    code: "input_longer",
    level: "warning",
    find: (e) =>
      above(e.longInputs, 0, (count) => `${count} of ${e.requests} prompts were longer than max_input_tokens`),
  },
]

/** Holds the evidence against every rule. A result is valid when no reason against it is found. */
export const judge = (evidence: Evidence): Verdict => {
  const found = (level: Rule["level"]): ReadonlyArray<Finding> =>
    rules.flatMap((rule) => {
      const finding = rule.level === level ? rule.find(evidence) : null
      return finding === null ? [] : [{ code: rule.code, ...finding }]
    })
  const reasons = found("reason")
  return { valid: reasons.length === 0, reasons, warnings: found("warning") }
}
