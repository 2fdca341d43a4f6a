import type Dockerode from "dockerode"
import { Effect } from "effect"
import * as Streams from "../platform/dockerStreams.ts"
import { problemWith, writeWhole } from "../platform/wholeFile.ts"
import type { Docker, ImageInfo, RegistryAuth } from "./Docker.ts"
import { limits, request, stream, transfer } from "./dockerodeRequest.ts"
import * as Pull from "./PullProgress.ts"

const words = (value: string | ReadonlyArray<string> | null | undefined): ReadonlyArray<string> =>
  typeof value === "string" ? [value] : (value ?? [])

const imageInfo = (found: Dockerode.ImageInspectInfo): ImageInfo => ({
  id: found.Id,
  repoDigests: found.RepoDigests ?? [],
  tags: found.RepoTags ?? [],
  entrypoint: words(found.Config?.Entrypoint),
  command: words(found.Config?.Cmd),
  sizeBytes: found.Size,
  labels: found.Config?.Labels ?? {},
})

/** Follows a stream of JSON events to its end; an error inside it is an error, though the status was 200. */
const follow = async (events: NodeJS.ReadableStream, onEvent: (event: unknown) => void): Promise<void> => {
  let problem: string | null = null
  await Streams.jsonLines(events, (event) => {
    problem ??= Pull.errorOf(event)
    onEvent(event)
  })
  if (problem !== null) throw new Error(problem)
}

const credentials = (auth: RegistryAuth | null) =>
  auth === null
    ? {}
    : {
        authconfig: {
          serveraddress: auth.serverAddress,
          ...(auth.username === undefined ? {} : { username: auth.username, password: auth.password ?? "" }),
          ...(auth.identityToken === undefined ? {} : { identitytoken: auth.identityToken }),
        },
      }

/** The images of a daemon. */
export const images = (docker: Dockerode): Pick<Docker["Service"], "image" | "pull" | "load" | "save"> => ({
  image: (reference) =>
    request("image", limits.short, async () => imageInfo(await docker.getImage(reference).inspect()), reference).pipe(
      Effect.catchIf(
        (error) => error.details["status"] === 404,
        () => Effect.succeed(null),
      ),
    ),
  pull: (reference, auth, onProgress) =>
    request(
      "pull",
      limits.transfer,
      async (signal) => {
        let layers: Pull.Layers = new Map()
        await follow(await docker.pull(reference, { ...credentials(auth), abortSignal: signal }), (event) => {
          layers = Pull.follow(layers, event)
          onProgress(Pull.sum(layers))
        })
      },
      reference,
    ),
  load: (file) =>
    transfer(
      "load",
      async (signal) => {
        const archive = await Streams.fromFile(file)
        const broken = new Promise<never>((_resolve, reject) => {
          archive.once("error", (cause) => reject(problemWith(file, "read", cause)))
        })
        try {
          const sent = stream(docker, { method: "POST", path: "/images/load?quiet=1&", file: archive, signal })
          await Promise.race([follow(await Promise.race([sent, broken]), () => undefined), broken])
        } finally {
          archive.destroy()
        }
      },
      null,
    ),
  save: (references, file) =>
    transfer(
      "save",
      (signal) =>
        writeWhole(file, async (part) => {
          const path = `/images/get?${references.map((name) => `names=${encodeURIComponent(name)}`).join("&")}&`
          await Streams.toFile(await stream(docker, { method: "GET", path, signal }), part, signal)
        }),
      references.join(", "),
    ),
})
