import { Context, type Effect } from "effect"

/** What a result says of the machine and of llem itself. */
export interface HostSnapshot {
  readonly hostName: string
  /** Who started llem: the login name, or the numeric user id where it has none. */
  readonly startedBy: string
  /** sha256 of the running binary; null when llem runs from its sources. */
  readonly binarySha256: string | null
  /** Kernel, CPU, memory, governor, load: what environment.json records beside the engine's own facts. */
  readonly machine: Readonly<Record<string, unknown>>
}

/** The machine as it is right now. */
export class HostFacts extends Context.Service<HostFacts, { readonly snapshot: Effect.Effect<HostSnapshot> }>()(
  "llem/domain/HostFacts",
) {}
