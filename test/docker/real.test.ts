import { afterAll, beforeAll, describe, expect } from "bun:test"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Layer, Scope } from "effect"
import { Docker } from "../../src/docker/Docker.ts"
import { layer } from "../../src/docker/dockerode.ts"
import { live } from "../lib/effect.ts"
import { projectRoot } from "../lib/env.ts"
import { behaviours } from "./behaviours.ts"
import { recorder } from "./recording.ts"
import { registry, writeBusyboxImage } from "./registry.ts"
import type { Script } from "./scripted.ts"

const socketPath = "/var/run/docker.sock"
const work = mkdtempSync(join(tmpdir(), "llem-real-docker-"))
/** Where the daemon's answers are kept for the scripted one; null when this is only a test. */
const recordTo =
  process.env["LLEM_RECORD_DOCKER"] === "1" ? join(projectRoot, "test/fixtures/docker-answers.json") : null
const prefix = recordTo === null ? `llem-test-${randomBytes(4).toString("hex")}` : "llem-recorded"
const image = `llem-test/busybox:${prefix}`
const scope = Scope.makeUnsafe()
const proxy = recorder(socketPath, join(work, "docker.sock"))
const recorded: Record<string, Script> = {}

const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.provideService(effect, Scope.Scope, scope))

const daemon = inScope(Layer.build(layer({ socketPath }))).then((context) =>
  Effect.runPromise(Effect.provide(Docker, context)),
)
const viaProxy = inScope(Layer.build(layer({ socketPath: join(work, "docker.sock") }))).then((context) =>
  Effect.runPromise(Effect.provide(Docker, context)),
)

const start = async () => {
  await proxy.listen()
  const docker = await daemon
  const at = await inScope(registry())
  const damaged = await at.push("llem-test/damaged", "1", 100_000)
  at.damage(damaged)
  await at.push("llem-test/known", "1", 3_000_000)
  const file = join(work, "image.tar")
  await writeBusyboxImage(file, image)
  await Effect.runPromise(docker.load(file))
  const names = {
    prefix,
    image,
    known: `${at.address}/llem-test/known:1`,
    unknown: `${at.address}/llem-test/known:2`,
    damaged: `${at.address}/llem-test/damaged:1`,
  }
  return { docker, names }
}
let started: Promise<Awaited<ReturnType<typeof start>>>

beforeAll(async () => {
  started = start()
  await started
}, 60_000)

afterAll(async () => {
  const { docker, names } = await started
  for (const name of [names.image, names.known, `${names.image}-copy`])
    Bun.spawnSync(["docker", "image", "rm", "-f", name], { stdout: "ignore", stderr: "ignore" })
  if (recordTo !== null) {
    const { version, operatingSystem } = await Effect.runPromise(docker.info)
    const recording = { daemon: `Docker ${version} on ${operatingSystem}`, world: names, cases: recorded }
    writeFileSync(recordTo, `${JSON.stringify(recording, null, 2)}\n`)
  }
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await proxy.close()
  rmSync(work, { recursive: true, force: true })
})

describe("a Docker daemon", () => {
  for (const { name, holds } of behaviours)
    live(name, () =>
      Effect.gen(function* () {
        const { names } = yield* Effect.promise(() => started)
        const docker = yield* Effect.promise(() => (recordTo === null ? daemon : viaProxy))
        yield* Effect.scoped(holds({ docker, ...names }))
        recorded[name] = proxy.take()
      }),
    )

  live("saves images as a file that it can load", () =>
    Effect.gen(function* () {
      const { docker, names } = yield* Effect.promise(() => started)
      const file = join(work, "saved.tar")
      yield* docker.save([names.image, names.known], file)
      expect(statSync(file).size).toBeGreaterThan(1_000_000)
      Bun.spawnSync(["docker", "image", "rm", names.image], { stdout: "ignore" })
      expect(yield* docker.image(names.image)).toBeNull()
      yield* docker.load(file)
      expect((yield* docker.image(names.image))?.labels).toEqual({ "io.llem.test": "image" })
    }),
  )

  live("refuses to save what is not there, and to load what is no archive, and leaves no file", () =>
    Effect.gen(function* () {
      const { docker, names } = yield* Effect.promise(() => started)
      const file = join(work, "none.tar")
      const unsaved = yield* Effect.flip(docker.save([names.unknown], file))
      expect(unsaved.reason).toBe("image")
      expect(unsaved.message).toBe(`Docker could not save the image (${names.unknown}): reference does not exist`)
      expect(yield* Effect.promise(() => Bun.file(file).exists())).toBe(false)
      writeFileSync(file, "no archive")
      const unloaded = yield* Effect.flip(docker.load(file))
      expect(unloaded.reason).toBe("pull")
      expect(unloaded.message).toStartWith("Docker could not load the image: ")
    }),
  )
})
