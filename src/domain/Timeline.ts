import { Context, type Effect } from "effect"
import type { ClockAnchor } from "./Window.ts"

/**
 * The monotonic clock that every sample, request and window is stamped with, comparable between processes,
 * and its one pairing with real time.
 */
export class Timeline extends Context.Service<
  Timeline,
  {
    /** Seconds of CLOCK_MONOTONIC. */
    readonly now: Effect.Effect<number>
    readonly anchor: ClockAnchor
  }
>()("llem/domain/Timeline") {}
