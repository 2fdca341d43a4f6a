import { Context, type Effect } from "effect"
import type { LocalError } from "../domain/Failure.ts"
import type { RequestRecord, WorkloadRequest } from "../domain/Request.ts"
import type { EncodedRequest } from "../engines/Engine.ts"
import type { Endpoint } from "../executors/EngineHost.ts"
import type { Schedule } from "./Schedule.ts"

/** One load run against a server. */
export interface LoadRun {
  readonly endpoint: Endpoint
  readonly schedule: Schedule
  readonly requests: ReadonlyArray<WorkloadRequest>
  readonly encode: (request: WorkloadRequest) => EncodedRequest
  /** A request that brings nothing for this long has failed with kind `silence`. */
  readonly silenceSeconds: number
  /** Called now and then with the output tokens so far, for the live view. */
  readonly onProgress?: (done: number, tokens: number) => void
}

/** How well the client itself kept up; part of a result's verdict. */
export interface ClientHealth {
  readonly cpuSeconds: number
  readonly sendLatenessP99Seconds: number
  readonly connectionsOpened: number
}

export interface LoadRecord {
  readonly requests: ReadonlyArray<RequestRecord>
  readonly health: ClientHealth
}

/** Sends a workload by its schedule and stamps every chunk as it is read from the socket. */
export class LoadClient extends Context.Service<
  LoadClient,
  {
    /** Failed requests are records, not failures; interruption closes every connection. */
    run(load: LoadRun): Effect.Effect<LoadRecord, LocalError>
  }
>()("llem/workload/LoadClient") {}
