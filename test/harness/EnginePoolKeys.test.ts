import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import type { EngineLaunch } from "../../src/engines/Engine.ts"
import { EngineHost, type LaunchContext } from "../../src/executors/EngineHost.ts"
import * as EnginePool from "../../src/harness/EnginePool.ts"
import { effect } from "../lib/effect.ts"
import { contextOf, idleEngine, launchOf } from "../lib/launch.ts"

const launch = launchOf({ argv: ["--slots=1"], env: { THREADS: "1" } })

const pool = (log: Array<string>) => {
  let started = 0
  const host = Layer.succeed(
    EngineHost,
    EngineHost.of({
      launch: () =>
        Effect.acquireRelease(
          Effect.sync(() => {
            started += 1
            log.push(`start ${started}`)
            return started
          }),
          (number) => Effect.sync(() => void log.push(`stop ${number}`)),
        ).pipe(Effect.as(idleEngine)),
    }),
  )
  return EnginePool.layer.pipe(Layer.provide(host))
}

describe("an engine is handed on", () => {
  const here = contextOf("/nowhere")
  const runner = (mode: "local" | "docker", image: string | null) =>
    contextOf("/nowhere", { runner: { mode, image, source: "yaml" } })
  const others: ReadonlyArray<readonly [what: string, other: EngineLaunch, context?: LaunchContext]> = [
    ["arguments", { ...launch, argv: ["--slots=2"] }],
    ["environment", { ...launch, env: { THREADS: "2" } }],
    ["file of options", { ...launch, texts: { "options.yaml": "{}" } }],
    ["program", { ...launch, program: { kind: "command", name: "llama-server" } }],
    ["mount", { ...launch, mounts: [{ hostPath: "/models/a.gguf", readOnly: true }] }],
    ["runner", launch, runner("docker", null)],
    ["image", launch, runner("docker", "other:1")],
    ["GPU", launch, contextOf("/nowhere", { placement: { ...here.cell.placement, gpuUuids: ["GPU-1"] } })],
  ]
  for (const [what, other, there = here] of others)
    effect(`never to a launch with another ${what}`, () => {
      const log: Array<string> = []
      return EnginePool.EnginePool.use((service) =>
        Effect.forEach(
          [
            { one: launch, where: here },
            { one: other, where: there },
          ],
          ({ one, where }) =>
            Effect.scoped(
              Effect.gen(function* () {
                const lease = yield* service.lease(one, where, true)
                yield* lease.release(true)
                expect(lease.reused).toBe(false)
              }),
            ),
        ),
      ).pipe(
        Effect.provide(pool(log)),
        Effect.andThen(Effect.sync(() => expect(log).toEqual(["start 1", "stop 1", "start 2", "stop 2"]))),
      )
    })

  effect("once: a cell that gave it back and then fails neither stops nor keeps it again", () => {
    const log: Array<string> = []
    return EnginePool.EnginePool.use((service) =>
      Effect.gen(function* () {
        yield* Effect.exit(
          Effect.scoped(
            Effect.gen(function* () {
              const lease = yield* service.lease(launch, contextOf("/nowhere"), true)
              yield* lease.release(true)
              return yield* Effect.fail("its record could not be written")
            }),
          ),
        )
        expect(log).toEqual(["start 1"])
        const next = yield* service.lease(launch, contextOf("/nowhere"), true)
        expect(next.reused).toBe(true)
      }).pipe(Effect.scoped),
    ).pipe(Effect.provide(pool(log)), Effect.andThen(Effect.sync(() => expect(log).toEqual(["start 1", "stop 1"]))))
  })
})
