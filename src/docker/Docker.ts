import { Context, type Effect, type Scope } from "effect"
import type { DockerError } from "../domain/Failure.ts"
import type { ContainerSpec } from "./ContainerSpec.ts"

/** What a daemon says of itself. */
export interface DaemonInfo {
  readonly id: string
  readonly version: string
  readonly apiVersion: string
  readonly operatingSystem: string
  readonly kernelVersion: string
  readonly hostName: string
  readonly cgroupVersion: string
  readonly rootless: boolean
  /** Whether SELinux labels containers, and keeps them from files that are labelled otherwise. */
  readonly selinux: boolean
  readonly runtimes: ReadonlyArray<string>
  /** Devices that the daemon found through CDI (API 1.50 and later), e.g. `nvidia.com/gpu=0`. */
  readonly devices: ReadonlyArray<string>
  /** Folder of images and containers, in the daemon's own view. */
  readonly rootDirectory: string
}

export interface ImageInfo {
  /** `sha256:` and the hash of the image's configuration. */
  readonly id: string
  /** `name@sha256:...` for each registry that it came from. */
  readonly repoDigests: ReadonlyArray<string>
  readonly tags: ReadonlyArray<string>
  readonly entrypoint: ReadonlyArray<string>
  readonly command: ReadonlyArray<string>
  readonly sizeBytes: number
  readonly labels: Readonly<Record<string, string>>
}

export interface ContainerState {
  readonly running: boolean
  readonly exitCode: number | null
  readonly oomKilled: boolean
  /** What the daemon says about a start that failed; empty otherwise. */
  readonly error: string
  /** Process id on the daemon's node; 0 when it does not run. */
  readonly processId: number
  /** Address in each network, by the network's name. */
  readonly addresses: Readonly<Record<string, string>>
  /** Loopback port that leads to the container's, where one is published. */
  readonly publishedPort: number | null
}

/** A container that was made, and what the daemon would not do for it. */
export interface CreatedContainer {
  readonly id: string
  /** E.g. that the kernel knows no limit on memory, so that it was discarded. */
  readonly warnings: ReadonlyArray<string>
}

/** A container or network that carries our labels. */
export interface Labelled {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** How far a pull is. Bytes are those of the layers whose size is known by now. */
export interface PullProgress {
  readonly layersDone: number
  readonly layers: number
  readonly bytesDone: number
  readonly bytes: number
}

/** Credentials of a registry. */
export interface RegistryAuth {
  readonly username?: string
  readonly password?: string
  readonly identityToken?: string
  readonly serverAddress: string
}

/** The streams of a container: its input is open until `closeInput` or until this process ends. */
export interface Attachment {
  readonly writeInput: (text: string) => Effect.Effect<void>
  readonly closeInput: Effect.Effect<void>
  /** Completes when the container's output has ended, or the connection to the daemon has. */
  readonly ended: Effect.Effect<void>
}

/** What llem needs of a Docker daemon. Every failure is the daemon's answer in our terms, with what to do about it. */
export class Docker extends Context.Service<
  Docker,
  {
    readonly info: Effect.Effect<DaemonInfo, DockerError>
    /** null when the daemon has no such image. */
    image(reference: string): Effect.Effect<ImageInfo | null, DockerError>
    pull(
      reference: string,
      auth: RegistryAuth | null,
      onProgress: (progress: PullProgress) => void,
    ): Effect.Effect<void, DockerError>
    /** Loads a docker-archive from a file of this node. */
    load(file: string): Effect.Effect<void, DockerError>
    /** Writes images as one docker-archive; the file appears only when it is whole. */
    save(references: ReadonlyArray<string>, file: string): Effect.Effect<void, DockerError>
    create(spec: ContainerSpec): Effect.Effect<CreatedContainer, DockerError>
    /** Before `start`; output goes to `onOutput` as it comes. */
    attach(id: string, onOutput: (bytes: Uint8Array) => void): Effect.Effect<Attachment, DockerError, Scope.Scope>
    /** Before `start`. The inner effect completes with the exit code when the container ends. */
    awaitExit(id: string): Effect.Effect<Effect.Effect<number, DockerError>, DockerError, Scope.Scope>
    start(id: string, image: string): Effect.Effect<void, DockerError>
    /** A container that does not run any more is no failure. */
    kill(id: string, signal: string): Effect.Effect<void, DockerError>
    inspect(id: string): Effect.Effect<ContainerState, DockerError>
    /** Removes a container by id or name, running or not; one that is not there is no failure. */
    remove(id: string): Effect.Effect<void, DockerError>
    /** All containers with a label, running or not. */
    containers(label: string): Effect.Effect<ReadonlyArray<Labelled>, DockerError>
    /** A bridge; `internal` has no way out of this node. */
    createNetwork(
      name: string,
      labels: Readonly<Record<string, string>>,
      internal: boolean,
    ): Effect.Effect<void, DockerError>
    removeNetwork(name: string): Effect.Effect<void, DockerError>
    networks(label: string): Effect.Effect<ReadonlyArray<Labelled>, DockerError>
  }
>()("llem/docker/Docker") {}
