import { Context, type Effect, type Scope } from "effect"
import type { DomainInfo, DomainSeries, SamplerCost } from "../domain/Energy.ts"
import type { MeterError } from "../domain/Failure.ts"

/** What a cell wants metered. */
export interface MeterRequest {
  readonly sampleHz: number
  /** UUIDs of the GPUs that the engine gets; empty when it gets none. */
  readonly gpuUuids: ReadonlyArray<string>
  /** `energy.backend` of the study: auto, a meter's name, or null for no metering at all. */
  readonly backend: string | null
}

/** Continuous sampling of every domain from open to the end of the scope. */
export interface MeterSession {
  /** All domains that should be there, also those that cannot be read (with the reason). */
  readonly domains: ReadonlyArray<DomainInfo>
  /** Tells meters that attribute energy to processes which process trees are the engine's. */
  readonly watchProcesses: (rootPids: ReadonlyArray<number>) => Effect.Effect<void>
  /** Latest total power in watts of the domains in the total, for the live view; null when unknown. */
  readonly currentWatts: Effect.Effect<number | null>
  /** Everything sampled so far. It waits for one more sample of each domain, so every span that has ended is covered. */
  readonly read: Effect.Effect<{ readonly series: ReadonlyArray<DomainSeries>; readonly cost: SamplerCost }>
}

/** The meters of this node behind one door; nothing here assumes CPUs or GPUs. */
export class Meter extends Context.Service<
  Meter,
  {
    open(request: MeterRequest): Effect.Effect<MeterSession, MeterError, Scope.Scope>
  }
>()("llem/meters/Meter") {}
