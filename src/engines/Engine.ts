import type { Result } from "effect"
import type { Backend } from "../domain/Backend.ts"
import type { Experiment } from "../domain/Experiment.ts"
import type { WorkloadRequest } from "../domain/Request.ts"

/** A file or folder that the engine must see. */
export interface Mount {
  readonly hostPath: string
  readonly readOnly: boolean
}

/** Everything needed to start one engine server, independent of where it runs. `{port}` and `{host}` in argv and env are filled in by the host. */
export interface EngineLaunch {
  readonly backend: Backend
  /** `self` is this very binary; otherwise a command looked up on PATH. */
  readonly program: { readonly kind: "self" } | { readonly kind: "command"; readonly name: string }
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly mounts: ReadonlyArray<Mount>
  /** Path that answers 200 when the engine is ready to serve. */
  readonly readinessPath: string
  /** Path of a JSON document about the running engine (`version` and whatever it says of itself); null for none. */
  readonly infoPath: string | null
  /** Model name that requests carry. */
  readonly servedModel: string
}

/** What an engine cannot do of what the experiment asks: a planning error, not a surprise at run time. */
export interface Unsupported {
  /** Path of the field in the study file, e.g. `decoder.min_p`. */
  readonly field: string
  readonly message: string
}

/** One HTTP request to the engine's server. */
export interface EncodedRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An engine as a pure description. */
export interface Engine {
  readonly backend: Backend
  /** Fields of this experiment that the engine cannot honour; empty when it can run. */
  unsupported(experiment: Experiment): ReadonlyArray<Unsupported>
  /** The launch of the server for this experiment; `modelPath` is the resolved local file or id. */
  launch(experiment: Experiment, model: ResolvedModel): Result.Result<EngineLaunch, ReadonlyArray<Unsupported>>
  /** The streaming completion request for one prompt. */
  encode(experiment: Experiment, launch: EngineLaunch, request: WorkloadRequest): EncodedRequest
  /** Whether every output is to have exactly the length that was asked for. */
  exactLengths(experiment: Experiment): boolean
  /** Requests that the server works on at once: the static batch size or its number of slots. */
  batchSize(experiment: Experiment): number
}

/** A model made ready on this node. */
export interface ResolvedModel {
  readonly path: string
  /** Folders in which the embedded engine may unpack its libraries, best first. */
  readonly engineFolders: ReadonlyArray<string>
  readonly sizeBytes: number
  readonly sha256: string | null
  /** Shape of the weights where the file tells: what FLOPs are computed from. */
  readonly weights: WeightInfo | null
}

export interface WeightInfo {
  readonly architecture: string
  readonly name: string
  /** e.g. "Q4_0", "F16". */
  readonly format: string
  readonly parameters: number
  readonly nonEmbeddingParameters: number
  readonly vocabularySize: number
  readonly contextLength: number
}
