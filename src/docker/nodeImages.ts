import { Clock, Effect, Layer } from "effect"
import { DockerError } from "../domain/Failure.ts"
import { embeddedImage } from "../domain/OwnImage.ts"
import { reasonOf } from "../domain/Unknown.ts"
import * as OwnedFolder from "../platform/ownedFolder.ts"
import * as Owner from "../platform/owner.ts"
import * as OwnImage from "../platform/ownImage.ts"
import { stoppable } from "../platform/wholeFile.ts"
import { Docker, type ImageInfo, type PullProgress, type RegistryAuth } from "./Docker.ts"
import { EngineImages, type ReadyImage } from "./EngineImages.ts"
import { ownerText, parseOwner } from "./Owner.ts"

export interface ImageOptions {
  /** llem's own binary; null while it runs from its sources, and its own image cannot be made. */
  readonly binary: string | null
  readonly cacheDirectories: ReadonlyArray<string>
  /** Nothing is fetched over a network. */
  readonly offline: boolean
  /** How to log in to an image's registry, and why credentials that are configured cannot be used. */
  readonly login: (
    reference: string,
  ) => Effect.Effect<{ readonly auth: RegistryAuth | null; readonly reason: string | null }>
}

/** A pull that was refused while the credentials for it could not be had says so. */
const withoutLogin = (error: DockerError, reason: string | null): DockerError =>
  reason === null
    ? error
    : new DockerError({
        reason: error.reason,
        message: `${error.message} (pulled without logging in: ${reason})`,
        fix: error.fix,
        details: error.details,
      })

const missing = (reference: string, message: string, fix: string): DockerError =>
  new DockerError({ reason: "image", message, fix, details: { image: reference } })

const making = (reference: string, cause: unknown): DockerError =>
  missing(
    reference,
    `llem's own image could not be made: ${reasonOf(cause)}`,
    "Give LLEM_CACHE_DIR a folder that can be written and has 300 MB of room.",
  )

const pullAgainMillis = 10 * 60 * 1000

const isLeftBehind = (name: string): boolean => {
  const owner = parseOwner(name)
  return owner !== null && Owner.isGone(owner)
}

/** Images from this daemon, a registry, or, for the embedded engine, made of this binary and loaded. */
export const layer = (options: ImageOptions) =>
  Layer.effect(
    EngineImages,
    Effect.gen(function* () {
      const docker = yield* Docker

      const attempt = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
        Effect.mapError(effect, (cause) => making(embeddedImage, cause))

      const cache = options.cacheDirectories[0] ?? "/tmp"
      /** The inputs cannot change while this very binary runs. */
      let known: string | null = null
      const inputsOf = (binary: string) =>
        known === null
          ? Effect.tap(attempt(stoppable(() => OwnImage.inputsOf(binary, cache))), (inputs) =>
              Effect.sync(() => {
                known = inputs
              }),
            )
          : Effect.succeed(known)

      const make = Effect.fnUntraced(function* (reference: string) {
        const { binary } = options
        if (binary === null)
          return yield* missing(
            reference,
            "llem runs from its sources, so it has no binary to make its image of",
            "Build it (bun run build) and run dist/llem.",
          )
        const inputs = yield* inputsOf(binary)
        const before = yield* docker.image(reference)
        if (before?.labels[OwnImage.inputsLabel] === inputs)
          return { info: before, source: "present" } satisfies ReadyImage
        yield* Effect.scoped(
          Effect.gen(function* () {
            const folder = yield* attempt(OwnedFolder.make(`${cache}/images`, ownerText(Owner.self()), isLeftBehind))
            const file = `${folder}/image.tar`
            yield* attempt(stoppable((signal) => OwnImage.writeOwnImage(file, binary, reference, inputs, signal)))
            yield* docker.load(file)
          }),
        )
        const made = yield* found(reference, "made")
        if (made.info.labels[OwnImage.inputsLabel] === inputs) return made
        return yield* missing(
          reference,
          `The image ${reference} was replaced by another llem's while this one made it`,
          "Run one version of llem at a time on this daemon.",
        )
      })

      const found = Effect.fnUntraced(function* (reference: string, source: ReadyImage["source"]) {
        const info: ImageInfo | null = yield* docker.image(reference)
        if (info !== null) return { info, source } satisfies ReadyImage
        return yield* missing(reference, `The image ${reference} is gone again`, `docker pull ${reference}`)
      })

      /** A registry that failed is left alone for a while: each cell would wait for it anew. */
      const refused = new Map<string, { readonly error: DockerError; readonly untilMillis: number }>()
      const pull = Effect.fnUntraced(function* (
        reference: string,
        onProgress: (progress: PullProgress) => void,
      ): Effect.fn.Return<void, DockerError> {
        const now = yield* Clock.currentTimeMillis
        const before = refused.get(reference)
        if (before !== undefined && now < before.untilMillis) return yield* before.error
        const { auth, reason } = yield* options.login(reference)
        yield* docker.pull(reference, auth, onProgress).pipe(
          Effect.mapError((error) => withoutLogin(error, reason)),
          Effect.tapError((error) =>
            Effect.map(Clock.currentTimeMillis, (millis) =>
              refused.set(reference, { error, untilMillis: millis + pullAgainMillis }),
            ),
          ),
        )
      })

      return EngineImages.of({
        ensure: Effect.fn("EngineImages.ensure")(function* (reference, onProgress = () => undefined) {
          if (reference === embeddedImage) return yield* make(reference)
          const info = yield* docker.image(reference)
          if (info !== null) return { info, source: "present" } satisfies ReadyImage
          if (options.offline)
            return yield* missing(
              reference,
              `The image ${reference} is not on this node, and --offline forbids to pull it`,
              `docker pull ${reference}, or bring it in a file: llem images load FILE`,
            )
          yield* pull(reference, onProgress)
          return yield* found(reference, "pulled")
        }),
      })
    }),
  )
