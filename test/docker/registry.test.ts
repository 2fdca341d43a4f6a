import { afterAll, describe, expect } from "bun:test"
import { randomBytes } from "node:crypto"
import { Effect, Layer, type Scope } from "effect"
import { Docker, type PullProgress, type RegistryAuth } from "../../src/docker/Docker.ts"
import { layer } from "../../src/docker/dockerode.ts"
import { EngineImages } from "../../src/docker/EngineImages.ts"
import * as NodeImages from "../../src/docker/nodeImages.ts"
import type { DockerError } from "../../src/domain/Failure.ts"
import { live } from "../lib/effect.ts"
import { freePort, registry } from "./registry.ts"

const ada = { name: "ada", password: "s3cret-word" }
/** No two runs may share a name: what one pulled the other would find. */
const name = `llem-test/${randomBytes(4).toString("hex")}`
const pulled: Array<string> = []
afterAll(() => {
  for (const image of pulled)
    Bun.spawnSync(["docker", "image", "rm", "-f", image], { stdout: "ignore", stderr: "ignore" })
})

const progress = () => undefined

const withDocker = <A, E>(
  use: (docker: Docker["Service"]) => Effect.Effect<A, E, Scope.Scope>,
): Effect.Effect<A, E, Scope.Scope> =>
  Effect.flatMap(Layer.build(layer({ socketPath: "/var/run/docker.sock" })), (context) =>
    Effect.provide(Effect.flatMap(Docker, use), context),
  )

const auth = (address: string, password = ada.password): RegistryAuth => ({
  username: ada.name,
  password,
  serverAddress: address,
})

/** An image as a run makes it ready. */
const ensured = (
  docker: Docker["Service"],
  image: string,
  options: Pick<NodeImages.ImageOptions, "login"> & Partial<NodeImages.ImageOptions>,
  onProgress: (one: PullProgress) => void = progress,
) =>
  Effect.flatMap(EngineImages, (images) => images.ensure(image, onProgress)).pipe(
    Effect.provide(NodeImages.layer({ binary: null, cacheDirectories: [], offline: false, ...options })),
    Effect.provideService(Docker, docker),
  )

const expected = (error: DockerError, image: string, reason: DockerError["reason"], words: string, fix: string) => {
  expect(error.reason).toBe(reason)
  expect(error.message).toStartWith(`Docker could not pull the image (${image}): `)
  expect(error.message).toContain(words)
  expect(error.message).not.toContain("HTTP code")
  expect(error.fix).toContain(fix)
  expect(error.details).toMatchObject({ doing: "pull", image })
}

describe("a registry", () => {
  live("that wants to know who asks gives an image to who may have it, with progress and a digest", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const at = yield* registry(ada)
        yield* Effect.promise(() => at.push(name, "known", 4_000_000))
        const image = `${at.address}/${name}:known`
        pulled.push(image)
        const told: Array<PullProgress> = []
        const login = () => Effect.succeed({ auth: auth(at.address), reason: null })
        const { info, source } = yield* ensured(docker, image, { login }, (one) => void told.push(one))
        expect(source).toBe("pulled")
        expect(info.tags).toEqual([image])
        expect(info.repoDigests).toEqual([
          expect.stringMatching(new RegExp(`^${at.address}/${name}@sha256:[0-9a-f]{64}$`)),
        ])
        expect(told.at(-1)).toMatchObject({ layers: 1, layersDone: 1 })
        expect(told.some(({ bytes }) => bytes > 4_000_000)).toBe(true)
        // By its digest the same image is there already, and is named by its registry only.
        expect((yield* docker.image(info.repoDigests[0] ?? ""))?.id).toBe(info.id)
      }),
    ),
  )

  live("refuses who does not log in, and who does with a wrong password", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const at = yield* registry(ada)
        yield* Effect.promise(() => at.push(name, "closed"))
        const image = `${at.address}/${name}:closed`
        for (const login of [null, auth(at.address, "wrong-word")]) {
          const error = yield* Effect.flip(docker.pull(image, login, progress))
          expected(error, image, "pull", "", `docker login ${at.address}`)
          expect(JSON.stringify([error.message, error.fix, error.details])).not.toContain("wrong-word")
        }
        expect(yield* docker.image(image)).toBeNull()
      }),
    ),
  )

  live("that does not have the tag, or the name, makes it a matter of the image", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const at = yield* registry()
        yield* Effect.promise(() => at.push(name, "known"))
        for (const image of [`${at.address}/${name}:other`, `${at.address}/${name}-other:known`]) {
          const error = yield* Effect.flip(docker.pull(image, null, progress))
          expected(error, image, "image", "manifest unknown", `Check the image's name, then: docker pull ${image}`)
        }
      }),
    ),
  )

  live("whose disk damaged a layer sends what it did not promise", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const at = yield* registry()
        at.damage(yield* Effect.promise(() => at.push(name, "damaged", 500_000)))
        const image = `${at.address}/${name}:damaged`
        const error = yield* Effect.flip(docker.pull(image, null, progress))
        expected(error, image, "pull", "verification failed", "is not what it promised")
        expect(yield* docker.image(image)).toBeNull()
      }),
    ),
  )

  live("that is not there has the way around it in the fix", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const image = `127.0.0.1:${freePort()}/${name}:any`
        const error = yield* Effect.flip(docker.pull(image, null, progress))
        expected(error, image, "pull", "connection refused", `llem images save ${image}`)
      }),
    ),
  )

  live("that refuses a pull tells why there was no login, where one was configured", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const at = yield* registry(ada)
        yield* Effect.promise(() => at.push(name, "closed"))
        const image = `${at.address}/${name}:closed`
        const reason = "docker-credential-vault is not on PATH"
        const error = yield* Effect.flip(
          ensured(docker, image, { login: () => Effect.succeed({ auth: null, reason }) }),
        )
        expected(error, image, "pull", `(pulled without logging in: ${reason})`, `docker login ${at.address}`)
      }),
    ),
  )

  live("is not asked when nothing may be fetched", () =>
    withDocker((docker) =>
      Effect.gen(function* () {
        const image = `127.0.0.1:${freePort()}/${name}:any`
        const login = () => Effect.die(new Error("asked for a login"))
        const error = yield* Effect.flip(ensured(docker, image, { offline: true, login }))
        expect(error.reason).toBe("image")
        expect(error.message).toBe(`The image ${image} is not on this node, and --offline forbids to pull it`)
        expect(error.fix).toContain("llem images load FILE")
      }),
    ),
  )
})
