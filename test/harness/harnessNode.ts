import { Clock, Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Cell } from "../../src/domain/Plan.ts"
import type { RequestRecord } from "../../src/domain/Request.ts"
import { Models } from "../../src/engines/Models.ts"
import { type EngineExit, EngineHost } from "../../src/executors/EngineHost.ts"
import { type CellContext, Executor } from "../../src/executors/Executor.ts"
import { DeviceGate } from "../../src/harness/DeviceGate.ts"
import * as EnginePool from "../../src/harness/EnginePool.ts"
import * as HarnessExecutor from "../../src/harness/HarnessExecutor.ts"
import { Meter } from "../../src/meters/Meter.ts"
import { CellFiles } from "../../src/store/Store.ts"
import { Datasets } from "../../src/workload/Datasets.ts"
import { LoadClient } from "../../src/workload/LoadClient.ts"
import { clockTimeline, someHost } from "../lib/memory.ts"
import { cell, type experiment } from "../store/samples.ts"
import { streamed } from "./figures/records.ts"
import { cost, steady } from "./observation.ts"

export interface Node {
  /** Seconds until the engine answers 200 on its readiness path; 503 before. */
  readonly loadsSeconds?: number
  /** Seconds that each load run takes, the warm-up's first. */
  readonly runsSeconds?: ReadonlyArray<number>
  /** What becomes of a request of a run. */
  readonly answer?: (run: number, id: number, atSeconds: number) => RequestRecord
  /** What the gate says of a cell's GPUs. */
  readonly gate?: ReturnType<DeviceGate["Service"]["check"]>
}

/** A node over a test clock; `log` has what was asked of it. */
export const node = (
  log: Array<string>,
  { loadsSeconds = 0, runsSeconds = [2, 8], answer, gate = Effect.succeed([]) }: Node = {},
) => {
  const host = Layer.succeed(
    EngineHost,
    EngineHost.of({
      launch: () =>
        Effect.gen(function* () {
          yield* Effect.addFinalizer(() => Effect.sync(() => void log.push("stop")))
          const launched = yield* Clock.currentTimeMillis
          const exit = yield* Deferred.make<EngineExit>()
          return {
            endpoint: { kind: "tcp", host: "127.0.0.1", port: 1 } as const,
            processIds: [41, 42],
            container: null,
            ask: (method, path) =>
              Effect.map(Clock.currentTimeMillis, (millis) => {
                if (method === "POST") log.push(`POST ${path}`)
                return {
                  status: millis - launched >= loadsSeconds * 1000 ? 200 : 503,
                  body: '{"version": "1"}',
                }
              }),
            exit: Deferred.await(exit),
            logTail: Effect.succeed(["last words"]),
            crashError: () => Effect.die("it did not crash"),
          }
        }),
    }),
  )
  const ports = Layer.mergeAll(
    Layer.succeed(
      Models,
      Models.of({
        resolve: () =>
          Effect.succeed({ path: "/m.gguf", engineFolders: [], sizeBytes: 1, sha256: null, weights: null }),
      }),
    ),
    Layer.succeed(
      Datasets,
      Datasets.of({
        prompts: () =>
          Effect.succeed({
            requests: Array.from({ length: 4 }, (_, id) => ({ id, prompt: "p", maxOutputTokens: 2 })),
            warnings: [],
          }),
      }),
    ),
    Layer.succeed(
      Meter,
      Meter.of({
        open: ({ backend }) =>
          Effect.succeed({
            domains: backend === null ? [] : [steady(50, 0, 1)],
            watchProcesses: (pids) => Effect.sync(() => void log.push(`watch ${pids.join(",")}`)),
            currentWatts: Effect.succeed(null),
            read: Effect.map(Clock.currentTimeMillis, (millis) => ({
              series: [steady(50, 0, Math.ceil(millis / 1000) + 1)],
              cost,
            })),
          }),
      }),
    ),
    Layer.succeed(
      CellFiles,
      CellFiles.of({
        writeRequests: () => Effect.sync(() => void log.push("requests")),
        writePower: () => Effect.sync(() => void log.push("power")),
        writeLogReference: (_, startedIn) => Effect.sync(() => void log.push(`log in ${startedIn}`)),
        writeJson: (_, name) => Effect.sync(() => void log.push(name)),
      }),
    ),
    Layer.effect(
      LoadClient,
      Effect.sync(() => {
        let run = 0
        return LoadClient.of({
          run: (load) =>
            Effect.gen(function* () {
              const number = run++
              const start = (yield* Clock.currentTimeMillis) / 1000
              yield* Effect.sleep(`${runsSeconds[number] ?? 0} seconds`)
              log.push(`run ${load.requests.length}`)
              const answered = answer ?? ((_run, id, at) => streamed(id, at, [at + 1, at + 2]))
              return {
                requests: load.requests.map(({ id }) => answered(number, id, start)),
                health: { cpuSeconds: 0, sendLatenessP99Seconds: 0, connectionsOpened: 1 },
              }
            }),
        })
      }),
    ),
    Layer.succeed(
      DeviceGate,
      DeviceGate.of({
        check: (gpuUuids, how, waitSeconds) =>
          Effect.suspend(() => {
            log.push(`look at ${gpuUuids.join(",")} ${how} ${waitSeconds}`)
            return gate
          }),
      }),
    ),
    someHost,
    clockTimeline,
  )
  return HarnessExecutor.layer.pipe(
    Layer.provide(EnginePool.layer.pipe(Layer.provide(host))),
    Layer.provideMerge(ports),
  )
}

export const limits = { launchSeconds: 100, warmupSeconds: 20, windowSeconds: 50, silenceSeconds: 30 }

/** A cell with short limits of its own for each phase. */
export const cellOf = (over: Parameters<typeof experiment>[0] = {}): Cell => ({ ...cell(1, 1, over), timeouts: limits })

const contextOf = (log: Array<string>, reuseEngine: boolean): CellContext => ({
  directory: "/cell",
  study: "study",
  attempt: 1,
  reuseEngine,
  onPhase: (phase) => Effect.sync(() => void log.push(phase)),
  onLive: () => Effect.void,
})

/** Two runs of a cell by one executor, which may keep its engine. */
export const executeTwice = (log: Array<string>, one: Cell, reuseEngine: boolean) =>
  Effect.gen(function* () {
    const running = yield* Effect.forkChild(
      Effect.gen(function* () {
        const executor = yield* Executor
        yield* executor.execute(one, contextOf(log, reuseEngine))
        yield* executor.execute(one, contextOf(log, reuseEngine))
      }).pipe(Effect.provide(node(log))),
    )
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(running)
  })

/** One run of a cell, and how it ended. */
export const execute = (log: Array<string>, one: Cell, what: Node = {}) =>
  Effect.gen(function* () {
    const running = yield* Effect.forkChild(
      Executor.use((executor) => executor.execute(one, contextOf(log, false))).pipe(Effect.provide(node(log, what))),
    )
    yield* TestClock.adjust("1 hour")
    const exit = yield* Fiber.await(running)
    return { exit, failure: yield* Effect.flip(exit).pipe(Effect.orElseSucceed(() => null)) }
  })
