import { Context, type Effect, type Scope } from "effect"
import type { ExecutionError } from "../domain/Failure.ts"
import type { Cell } from "../domain/Plan.ts"
import type { EngineLaunch } from "../engines/Engine.ts"

/** Where an engine answers. */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }

/** How an engine process ended. */
export interface EngineExit {
  readonly code: number | null
  readonly signal: string | null
}

/** An answer of the engine's server to a small GET. */
export interface EngineAnswer {
  readonly status: number
  readonly body: string
}

/** What is known of the container that an engine runs in. */
export interface ContainerFacts {
  readonly id: string
  readonly image: string
  /** Digest of the image in the registry that it came from, else its id. */
  readonly imageDigest: string
  readonly imageId: string
  /** How llem reaches the engine: the container's own address on a private network, or a published loopback port. */
  readonly network: "private" | "published_port"
  readonly dockerVersion: string
  /** What the daemon said that it would not do, such as a limit that its kernel does not know. */
  readonly warnings: ReadonlyArray<string>
}

/** A running engine. It is stopped, and everything of it is gone, when the scope it was launched in closes. */
export interface EngineHandle {
  readonly endpoint: Endpoint
  /** Roots of the engine's process trees on this node, for per-process metering. */
  readonly processIds: ReadonlyArray<number>
  readonly container: ContainerFacts | null
  /** A request without a body to the engine's server; null when it does not answer within a few seconds. */
  readonly ask: (method: "GET" | "POST", path: string) => Effect.Effect<EngineAnswer | null>
  /** Completes when the engine ends, however it ends. */
  readonly exit: Effect.Effect<EngineExit>
  /** The last lines that the engine wrote, oldest first. */
  readonly logTail: Effect.Effect<ReadonlyArray<string>>
  /** The typed error that describes an engine which ended by itself. */
  readonly crashError: (exit: EngineExit) => Effect.Effect<ExecutionError>
}

/** Where the engine's log goes and the cell it is started for. */
export interface LaunchContext {
  /** The cell's folder; the host writes `engine.log` in it. */
  readonly directory: string
  /** The study's name. */
  readonly study: string
  readonly cell: Pick<Cell, "index" | "cycle" | "hash" | "runner" | "placement">
}

/** Starts engine processes somewhere: a child process here, a container through dockerode. */
export class EngineHost extends Context.Service<
  EngineHost,
  {
    /** Starts the engine; readiness is the caller's to await. */
    launch(launch: EngineLaunch, context: LaunchContext): Effect.Effect<EngineHandle, ExecutionError, Scope.Scope>
  }
>()("llem/executors/EngineHost") {}
