import type { Result } from "effect"
import type { Backend } from "../domain/Backend.ts"
import type { Experiment } from "../domain/Experiment.ts"
import type { WorkloadRequest } from "../domain/Request.ts"

/** A file or folder that the engine must see; it has the same path where the engine runs. */
export interface Mount {
  readonly hostPath: string
  readonly readOnly: boolean
}

/** A folder that the engine writes to when its root file system is read-only. */
export interface WritableFolder {
  readonly path: string
  /** True: a named volume that outlives the container, such as a cache of compiled kernels; else memory. */
  readonly kept: boolean
}

/** What an engine needs of a container, beyond what every one gets. */
export interface ContainerNeeds {
  /** Start of the command inside the image; null: the image's own entrypoint. */
  readonly command: ReadonlyArray<string> | null
  /** Size of /dev/shm in bytes; null: Docker's own default of 64 MiB. */
  readonly shmBytes: number | null
  readonly ipc: "private" | "host"
  readonly ulimits: ReadonlyArray<{ readonly name: string; readonly soft: number; readonly hard: number }>
  /** Whether the image's engine runs under any user id; else the image's own user is kept. */
  readonly anyUser: boolean
  readonly writable: ReadonlyArray<WritableFolder>
}

/** Everything needed to start one engine server, independent of where it runs. The host fills in `{host}`, `{port}`, `{libraries}` and `{variant}` in argv. */
export interface EngineLaunch {
  readonly backend: Backend
  /** `self` is this very binary; otherwise a command looked up on PATH. */
  readonly program: { readonly kind: "self" } | { readonly kind: "command"; readonly name: string }
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** Small files that the engine reads, by name; the host writes them, and `{files}` in argv is their folder. Absent: none. */
  readonly texts?: Readonly<Record<string, string>>
  readonly mounts: ReadonlyArray<Mount>
  /** Variables of llem's own environment that the engine may see although their values are secret, where they are set. */
  readonly secretNames: ReadonlyArray<string>
  /** Folders of this node in which the embedded engine may unpack its libraries (`{libraries}`), best first. */
  readonly libraryFolders: ReadonlyArray<string>
  readonly container: ContainerNeeds
  /** Path that answers 200 when the engine is ready to serve. */
  readonly readinessPath: string
  /** Path of a JSON document about the running engine (`version` and whatever it says of itself); null for none. */
  readonly infoPath: string | null
  /** Path that, with POST, makes a running engine forget what earlier requests left in it; absent: nothing stays. */
  readonly resetPath?: string
  /** Field of that document that holds the engine's version; absent: `version`. */
  readonly versionField?: string
  /** Fields of that document that a result keeps; absent: all of them. */
  readonly detailFields?: ReadonlyArray<string>
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
  /** Absolute paths of files that the experiment names for this engine beside its model. */
  files(experiment: Experiment): ReadonlyArray<string>
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
  /** The folder that holds all that the path's links lead to; absent: the path itself. */
  readonly folder?: string
  /** Folders in which the embedded engine may unpack its libraries, best first. */
  readonly engineFolders: ReadonlyArray<string>
  readonly sizeBytes: number
  readonly sha256: string | null
  /** Shape of the weights where the file tells: what FLOPs are computed from. */
  readonly weights: WeightInfo | null
  /** Ids of the tokenizer, where they are known although the weights' shape is not. */
  readonly vocabularySize?: number
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
