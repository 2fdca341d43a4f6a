import type { DomainInfo, DomainSeries, SamplerCost } from "../domain/Energy.ts"
import type { HostSnapshot } from "../domain/HostFacts.ts"
import type { Phase } from "../domain/Phase.ts"
import type { Cell } from "../domain/Plan.ts"
import type { RequestRecord, WorkloadRequest } from "../domain/Request.ts"
import type { Reason } from "../domain/ResultDocument.ts"
import type { ClockAnchor, Span } from "../domain/Window.ts"
import type { EngineLaunch, ResolvedModel } from "../engines/Engine.ts"
import type { ContainerFacts } from "../executors/EngineHost.ts"
import type { ClientHealth } from "../workload/LoadClient.ts"
import type { WarmupOutcome } from "./Warmup.ts"

/** Idle power of one domain before the engine was there. */
export interface BaselineFigure {
  readonly domain: string
  readonly watts: number
  /** For how long it was asked to be measured. */
  readonly overSeconds: number
  /** When it was measured, in seconds of the monotonic clock. */
  readonly measuredAtSeconds: number
}

/** Everything that was seen of one cell: what the pure part of the harness turns into a result. */
export interface Observation {
  readonly cell: Cell
  readonly anchor: ClockAnchor
  readonly launch: EngineLaunch
  readonly model: ResolvedModel
  readonly engine: {
    readonly container: ContainerFacts | null
    readonly reused: boolean
    readonly version: string | null
    readonly details: Readonly<Record<string, unknown>>
  }
  readonly phases: ReadonlyArray<{ readonly phase: Phase; readonly span: Span }>
  readonly workload: ReadonlyArray<WorkloadRequest>
  /** Whether the engine was told to give every output its full length. */
  readonly exactLengths: boolean
  readonly requests: ReadonlyArray<RequestRecord>
  /** Requests in flight when the engine is full; null when requests arrive by themselves. */
  readonly capacity: number | null
  readonly client: ClientHealth
  readonly warmup: WarmupOutcome | null
  readonly metering: {
    readonly off: boolean
    readonly domains: ReadonlyArray<DomainInfo>
    readonly series: ReadonlyArray<DomainSeries>
    readonly cost: SamplerCost | null
    readonly baseline: ReadonlyArray<BaselineFigure>
    readonly baselineWhy: string | null
  }
  readonly warnings: ReadonlyArray<Reason>
  readonly host: HostSnapshot
}

/**
 * The measured window: from the first request sent to the last token received; null when no token came.
 */
export const windowOf = (requests: ReadonlyArray<RequestRecord>): Span | null => {
  let start = Number.POSITIVE_INFINITY
  let end = Number.NEGATIVE_INFINITY
  for (const request of requests) {
    if (request.sentSeconds !== null) start = Math.min(start, request.sentSeconds)
    if (request.lastTokenSeconds !== null) end = Math.max(end, request.lastTokenSeconds)
  }
  return end > start ? { startSeconds: start, endSeconds: end } : null
}
