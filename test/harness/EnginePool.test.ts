import { describe, expect } from "bun:test"
import { Deferred, Effect, Exit, Fiber, Layer, type Scope } from "effect"
import type { EngineLaunch } from "../../src/engines/Engine.ts"
import { type EngineExit, EngineHost } from "../../src/executors/EngineHost.ts"
import * as EnginePool from "../../src/harness/EnginePool.ts"
import { effect } from "../lib/effect.ts"
import { contextOf, idleEngine, launchOf } from "../lib/launch.ts"

const named = (name: string): EngineLaunch => launchOf({ argv: [name] })

/** A host that writes down what it starts and stops; `blocked` launches never return. */
const recordingHost = (log: Array<string>, blocked = false) =>
  Layer.succeed(
    EngineHost,
    EngineHost.of({
      launch: (launch) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            log.push(`start ${launch.argv[0]}`)
          }),
          () =>
            Effect.sync(() => {
              log.push(`stop ${launch.argv[0]}`)
            }),
        ).pipe(Effect.andThen(blocked ? Effect.never : Effect.succeed(idleEngine))),
    }),
  )

const withPool = <A, E>(
  log: Array<string>,
  body: (pool: EnginePool.EnginePool["Service"]) => Effect.Effect<A, E, Scope.Scope>,
) => EnginePool.EnginePool.use(body).pipe(Effect.provide(EnginePool.layer.pipe(Layer.provide(recordingHost(log)))))

const cell = (pool: EnginePool.EnginePool["Service"], name: string, reuse: boolean) =>
  Effect.scoped(
    Effect.gen(function* () {
      const lease = yield* pool.lease(named(name), contextOf("/nowhere"), reuse)
      yield* lease.release(true)
      return lease.reused
    }),
  )

describe("engine pool", () => {
  effect("a kept engine that the next launch cannot use is ended when asked, one that it can use stays", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const settled = yield* withPool(log, (pool) =>
        Effect.gen(function* () {
          const settle = (name: string, reuse: boolean) => pool.settle(named(name), contextOf("/nowhere"), reuse)
          const first = yield* settle("a", true)
          yield* cell(pool, "a", true)
          const same = yield* settle("a", true)
          const reused = yield* cell(pool, "a", true)
          const other = yield* settle("b", true)
          log.push("settled")
          return { first, same, reused, other, after: yield* cell(pool, "a", true) }
        }),
      )
      expect(settled).toEqual({ first: false, same: true, reused: true, other: false, after: false })
      expect(log).toEqual(["start a", "stop a", "settled", "start a", "stop a"])
    })
  })

  effect("every cell gets a fresh engine unless the study reuses them", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      yield* withPool(log, (pool) => Effect.andThen(cell(pool, "a", false), cell(pool, "a", false)))
      expect(log).toEqual(["start a", "stop a", "start a", "stop a"])
    })
  })

  effect("a reused engine outlives its cell, goes to the next identical launch, and ends with the pool", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const reused = yield* withPool(log, (pool) =>
        Effect.all([cell(pool, "a", true), cell(pool, "a", true), cell(pool, "b", true)]),
      )
      expect(reused).toEqual([false, true, false])
      expect(log).toEqual(["start a", "stop a", "start b", "stop b"])
    })
  })

  effect("a cell that fails does not hand its engine on", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      yield* withPool(log, (pool) =>
        Effect.exit(
          Effect.scoped(Effect.andThen(pool.lease(named("a"), contextOf("/nowhere"), true), Effect.fail("boom"))),
        ).pipe(Effect.andThen(Effect.sync(() => expect(log).toEqual(["start a", "stop a"])))),
      )
    })
  })

  effect("an interrupt in the middle of a launch stops what was started", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const pool = EnginePool.EnginePool.use((service) =>
        Effect.scoped(
          Effect.andThen(Deferred.succeed(started, undefined), service.lease(named("a"), contextOf("/nowhere"), true)),
        ),
      ).pipe(Effect.provide(EnginePool.layer.pipe(Layer.provide(recordingHost(log, true)))))
      const fiber = yield* Effect.forkChild(pool)
      yield* Deferred.await(started)
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      expect(log).toEqual(["start a", "stop a"])
      expect(Exit.isFailure(yield* Fiber.await(fiber))).toBe(true)
    })
  })
})

describe("an engine that was kept and died since", () => {
  effect("is not handed on: the next cell gets a fresh one", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const died = yield* Deferred.make<EngineExit>()
      const host = Layer.succeed(
        EngineHost,
        EngineHost.of({
          launch: () =>
            Effect.acquireRelease(
              Effect.sync(() => ({
                ...idleEngine,
                exit: log.push("start") === 1 ? Deferred.await(died) : Effect.never,
              })),
              () => Effect.sync(() => void log.push("stop")),
            ),
        }),
      )
      const reused = yield* EnginePool.EnginePool.use((pool) =>
        Effect.gen(function* () {
          const first = yield* cell(pool, "a", true)
          yield* Deferred.succeed(died, { code: null, signal: "SIGKILL" })
          return [first, yield* cell(pool, "a", true)]
        }),
      ).pipe(Effect.provide(EnginePool.layer.pipe(Layer.provide(host))))
      expect(reused).toEqual([false, false])
      expect(log).toEqual(["start", "stop", "start", "stop"])
    })
  })
})
