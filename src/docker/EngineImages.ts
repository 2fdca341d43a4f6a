import { Context, type Effect } from "effect"
import type { DockerError } from "../domain/Failure.ts"
import type { ImageInfo, PullProgress } from "./Docker.ts"

/** How an image came to be on the node. */
export type ImageSource = "present" | "pulled" | "made"

export interface ReadyImage {
  readonly info: ImageInfo
  readonly source: ImageSource
}

/** Makes images ready on the node: found, pulled, or made by llem itself. */
export class EngineImages extends Context.Service<
  EngineImages,
  {
    /** A pull that failed is not tried again by this service within ten minutes. Fails with reason `image` or `pull` when it is not there and cannot be had. */
    ensure(reference: string, onProgress?: (progress: PullProgress) => void): Effect.Effect<ReadyImage, DockerError>
  }
>()("llem/docker/EngineImages") {}
