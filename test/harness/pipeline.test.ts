import { describe, expect, test } from "bun:test"
import { Clock, Deferred, Effect, Fiber, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Decode from "../../src/config/Decode.ts"
import * as Document from "../../src/config/Document.ts"
import * as Expand from "../../src/config/Expand.ts"
import { resolver } from "../../src/config/Experiments.ts"
import * as Order from "../../src/config/Order.ts"
import type { DomainSeries } from "../../src/domain/Energy.ts"
import type { Plan } from "../../src/domain/Plan.ts"
import type { RequestRecord } from "../../src/domain/Request.ts"
import * as Engines from "../../src/engines/Engines.ts"
import { Models } from "../../src/engines/Models.ts"
import { crashError } from "../../src/executors/EngineCrash.ts"
import { type EngineExit, EngineHost } from "../../src/executors/EngineHost.ts"
import * as MockScript from "../../src/executors/MockScript.ts"
import * as EnginePool from "../../src/harness/EnginePool.ts"
import * as HarnessExecutor from "../../src/harness/HarnessExecutor.ts"
import { Meter } from "../../src/meters/Meter.ts"
import * as Judge from "../../src/preflight/Judge.ts"
import * as Dispatch from "../../src/runner/Dispatch.ts"
import * as Plans from "../../src/runner/Plan.ts"
import * as Resolve from "../../src/runner/Resolve.ts"
import { CellFiles } from "../../src/store/Store.ts"
import { Datasets } from "../../src/workload/Datasets.ts"
import { LoadClient } from "../../src/workload/LoadClient.ts"
import { effect } from "../lib/effect.ts"
import { clockTimeline, memoryFolder, memoryProgress, openGate, someHost } from "../lib/memory.ts"

const text = `
name: pipeline
model: x.gguf
dataset: { n: 4, input_len: 10, output_len: 5, seed: 1 }
sweep: { embedded.batch_size: [1, 2] }
execution: { n_cycles: 2, cycle_order: interleaved }
warmup: { n_warmup: 1, thermal_floor_seconds: 60 }
baseline: { duration_seconds: 30 }
`

const planned = (source: string): Plan => {
  const document = Result.getOrThrow(Document.parse({ path: "study.yaml", text: source }))
  const spec = Result.getOrThrow(Decode.decode({ documents: [document], overrides: [], defaultName: "study" }))
  const resolve = resolver()
  const expansion = Result.getOrThrow(
    Expand.collect(spec.material, (raw) =>
      Result.mapError(resolve(raw), (all) => all.map((one) => one.message).join()),
    ),
  )
  const facts = MockScript.facts({})
  const nothing = { env: {}, file: {}, userConfig: {} }
  const resolution = Result.getOrThrow(
    Resolve.resolve({
      backends: ["embedded"],
      requests: { flag: null, env: {}, file: spec.runners, userConfig: { all: null, byBackend: {} } },
      images: nothing,
      facts,
    }),
  )
  return Plans.plan({
    study: { name: spec.name, kind: spec.kind, hash: expansion.studyHash },
    experiments: expansion.experiments,
    order: Order.cells(expansion.experiments.length, spec.execution, expansion.studyHash),
    execution: spec.execution,
    resolution,
    judgement: Judge.judge({ resolution, facts, executors: ["local"] }),
    skipped: expansion.skipped,
    notices: expansion.notices,
    engine: Engines.byBackend,
  })
}

/** What the mock node did, in order. */
interface Trace {
  readonly launches: Array<string>
  readonly stops: Array<string>
  readonly tables: Array<string>
}

const watts = 50

/** A CPU package that draws 50 W for ever, sampled ten times a second since the epoch of the test clock. */
const packageSeries = (nowSeconds: number): DomainSeries => {
  const samples = Math.ceil(nowSeconds * 10) + 3
  const timesSeconds = Float64Array.from({ length: samples }, (_, index) => index / 10)
  return {
    domain: "cpu:package-0",
    meter: "mock",
    quality: "measured",
    nestedIn: null,
    inTotal: true,
    why: null,
    relativeUncertainty: 0,
    kind: "counter",
    resolution: 1e-6,
    timesSeconds,
    values: timesSeconds.map((seconds) => seconds * watts),
    lostAtSeconds: null,
  }
}

const records = (ids: ReadonlyArray<number>, start: number): ReadonlyArray<RequestRecord> =>
  ids.map((id, position) => {
    const sent = start + position * 2
    const chunkSeconds = Float64Array.from([1, 2, 3, 4, 5], (step) => sent + step * 0.4)
    return {
      id,
      scheduledSeconds: sent,
      sentSeconds: sent,
      firstTokenSeconds: chunkSeconds[0] ?? null,
      lastTokenSeconds: chunkSeconds[4] ?? null,
      endSeconds: chunkSeconds[4] ?? null,
      inputTokens: 10,
      outputTokens: 5,
      finishReason: "length",
      error: null,
      text: "abcde",
      tokenIds: [1, 2, 3, 4, id],
      chunkSeconds,
      chunkTokens: Int32Array.of(1, 1, 1, 1, 1),
    }
  })

interface Faults {
  /** The launch (from 1) whose engine dies one second into its window. */
  readonly dies?: number
  /** The launch whose engine never answers. */
  readonly mute?: number
}

const layers = (trace: Trace, faults: Faults = {}) => {
  const weights = {
    architecture: "llama",
    name: "x",
    format: "Q4_0",
    parameters: 1000,
    nonEmbeddingParameters: 800,
    vocabularySize: 100,
    contextLength: 512,
  }
  const ports = Layer.mergeAll(
    Layer.succeed(
      Models,
      Models.of({
        resolve: () =>
          Effect.succeed({ path: "/m/x.gguf", engineFolders: [], sizeBytes: 1, sha256: "0".repeat(64), weights }),
      }),
    ),
    Layer.succeed(
      Datasets,
      Datasets.of({
        prompts: ({ n }) =>
          Effect.succeed({
            requests: Array.from({ length: n }, (_, id) => ({ id, prompt: [1, 2], maxOutputTokens: 5 })),
            warnings: [],
          }),
      }),
    ),
    Layer.succeed(
      Meter,
      Meter.of({
        open: () =>
          Effect.succeed({
            domains: [packageSeries(1)],
            watchProcesses: () => Effect.void,
            currentWatts: Effect.succeed(watts),
            read: Effect.map(Clock.currentTimeMillis, (millis) => ({
              series: [packageSeries(millis / 1000)],
              cost: {
                sampleHz: 10,
                samples: 1,
                cpuSeconds: 0,
                gapP50Seconds: 0.1,
                gapP99Seconds: 0.1,
                gapMaxSeconds: 0.1,
                priority: "default",
              },
            })),
          }),
      }),
    ),
    Layer.succeed(
      CellFiles,
      CellFiles.of({
        writeRequests: (directory) => Effect.sync(() => void trace.tables.push(`${directory}/requests`)),
        writePower: (directory) => Effect.sync(() => void trace.tables.push(`${directory}/power`)),
        writeLogReference: () => Effect.void,
        writeJson: (directory, name) => Effect.sync(() => void trace.tables.push(`${directory}/${name}`)),
      }),
    ),
    Layer.succeed(
      LoadClient,
      LoadClient.of({
        run: (load) =>
          Effect.gen(function* () {
            const start = (yield* Clock.currentTimeMillis) / 1000
            yield* Effect.sleep(`${load.requests.length * 2} seconds`)
            return {
              requests: records(
                load.requests.map((request) => request.id),
                start,
              ),
              health: { cpuSeconds: 0.01, sendLatenessP99Seconds: 0, connectionsOpened: 1 },
            }
          }),
      }),
    ),
    openGate,
    someHost,
    clockTimeline,
  )
  const host = Layer.succeed(
    EngineHost,
    EngineHost.of({
      launch: (launch) =>
        Effect.gen(function* () {
          const number = trace.launches.push(launch.argv.find((one) => one.startsWith("--slots")) ?? "")
          yield* Effect.addFinalizer(() => Effect.sync(() => void trace.stops.push(String(number))))
          const exit = yield* Deferred.make<EngineExit>()
          // Half a second to load, 2 s of warm-up, 60 s of thermal floor, then the window.
          if (faults.dies === number)
            yield* Effect.forkScoped(
              Effect.andThen(Effect.sleep("63500 millis"), Deferred.succeed(exit, { code: null, signal: "SIGSEGV" })),
            )
          const launchedMillis = yield* Clock.currentTimeMillis
          return {
            endpoint: { kind: "tcp", host: "127.0.0.1", port: 1 } as const,
            processIds: [number],
            container: null,
            ask: (_method, path) =>
              Effect.map(Clock.currentTimeMillis, (millis) => {
                if (faults.mute === number) return null
                if (path === "/props") return { status: 200, body: '{"version": "mock 1"}' }
                return { status: millis - launchedMillis >= 500 ? 200 : 503, body: "{}" }
              }),
            exit: Deferred.await(exit),
            logTail: Effect.succeed(["last words"]),
            crashError: (ended) => Effect.succeed(crashOf(ended)),
          }
        }),
    }),
  )
  return HarnessExecutor.layer.pipe(
    Layer.provide(EnginePool.layer.pipe(Layer.provide(host))),
    Layer.provideMerge(ports),
  )
}

const crashOf = (exit: EngineExit) =>
  crashError({ engine: "embedded", exit, logTail: ["last words"], logFile: "engine.log", outOfMemory: false })

const runStudy = (plan: Plan, trace: Trace, faults: Faults = {}) =>
  Effect.gen(function* () {
    const memory = memoryFolder()
    const running = yield* Effect.forkChild(
      Dispatch.dispatch(plan, { studyFolder: memory.folder, failFast: false, reuseEngine: false, gaps: true }).pipe(
        Effect.provide(Layer.mergeAll(layers(trace, faults), memoryProgress([]))),
      ),
    )
    yield* TestClock.adjust("2 hours")
    return { memory, outcome: yield* Fiber.join(running) }
  })

const trace = (): Trace => ({ launches: [], stops: [], tables: [] })

describe("the whole pipeline, from a study file to records, over mock layers on a test clock", () => {
  effect("every cell goes through its phases and its figures follow from what was seen", () =>
    Effect.gen(function* () {
      const seen = trace()
      const { memory, outcome } = yield* runStudy(planned(text), seen)
      expect(outcome).toMatchObject({ status: "completed", completed: 4, failed: 0, exitCode: 0 })
      expect(seen.launches).toEqual(["--slots=1", "--slots=2", "--slots=1", "--slots=2"])
      expect(seen.stops).toEqual(["1", "2", "3", "4"])
      expect(seen.tables).toHaveLength(12)
      const phases = memory.journal.flatMap((event) =>
        event.event === "cell_phase" && event.index === 1 && event.cycle === 1 ? [event.phase] : [],
      )
      expect(phases).toEqual([
        "gate",
        "baseline",
        "launch",
        "load",
        "warmup",
        "thermal_floor",
        "window",
        "drain",
        "stop",
      ])
      const first = memory.results.get("cells/0001_c1/result.json")
      expect(first?.window?.duration_seconds).toBeCloseTo(8, 9)
      expect(first?.energy?.total_joules).toBeCloseTo(8 * watts, 6)
      expect(first?.energy?.domains[0]?.baseline_watts).toBeCloseTo(watts, 6)
      expect(first?.energy?.domains[0]?.adjusted_joules).toBeCloseTo(0, 4)
      expect(first?.throughput).toMatchObject({ requests: 4, output_tokens: 20, output_tokens_per_second: 2.5 })
      expect(first?.efficiency?.joules_per_output_token).toBeCloseTo(20, 6)
      expect(first?.latency?.ttft_seconds?.p50).toBeCloseTo(0.4, 9)
      expect(first?.flops?.total).toBe(2 * 800 * 60)
      expect(first?.engine?.version).toBe("mock 1")
      const spans = new Map(first?.phases.map((phase) => [phase.phase, phase.duration_seconds]))
      expect(spans.get("baseline")).toBeGreaterThanOrEqual(30)
      expect(spans.get("thermal_floor")).toBeCloseTo(60, 9)
    }),
  )

  effect("idle power is measured once for the cells that follow", () =>
    Effect.gen(function* () {
      const { memory } = yield* runStudy(planned(text), trace())
      const baselines = [...memory.results.values()].map(
        (result) => result.phases.find((phase) => phase.phase === "baseline")?.duration_seconds ?? 0,
      )
      expect(baselines.map((seconds) => seconds >= 30)).toEqual([true, false, false, false])
      for (const result of memory.results.values())
        expect(result.energy?.domains[0]?.baseline_watts).toBeCloseTo(watts, 6)
    }),
  )

  effect("an engine that dies in its window, or never answers, fails its cell alone", () =>
    Effect.gen(function* () {
      const seen = trace()
      const { memory, outcome } = yield* runStudy(planned(text), seen, { dies: 1, mute: 3 })
      expect(outcome).toMatchObject({ status: "failed", completed: 2, failed: 2, exitCode: 1 })
      const failures = memory.journal.flatMap((event) =>
        event.event === "cell_failed" ? [[event.index, event.cycle, event.error_type]] : [],
      )
      expect(failures).toEqual([
        [1, 1, "EngineError.crash"],
        [1, 2, "EngineError.ready_timeout"],
      ])
      expect(seen.stops).toEqual(["1", "2", "3", "4"])
      expect(memory.results.get("cells/0001_c1/result.json")?.error?.details["log_tail"]).toEqual(["last words"])
    }),
  )

  effect("an interrupt in the window stops the engine and marks the cell", () =>
    Effect.gen(function* () {
      const seen = trace()
      const memory = memoryFolder()
      const running = yield* Effect.forkChild(
        Dispatch.dispatch(planned(text), {
          studyFolder: memory.folder,
          failFast: false,
          reuseEngine: false,
          gaps: true,
        }).pipe(Effect.provide(Layer.mergeAll(layers(seen), memoryProgress([])))),
      )
      yield* TestClock.adjust("95 seconds")
      yield* Fiber.interrupt(running)
      expect(seen.stops).toEqual(["1"])
      expect(memory.journal.slice(-2).map((event) => event.event)).toEqual(["cell_interrupted", "study_finished"])
    }),
  )

  test("the same study gives the same journal every time", async () => {
    const journals = new Set<string>()
    for (let round = 0; round < 5; round++) {
      const run = runStudy(planned(text), trace()).pipe(Effect.provide(TestClock.layer()), Effect.scoped)
      const { memory } = await Effect.runPromise(run)
      journals.add(JSON.stringify(memory.journal))
    }
    expect(journals.size).toBe(1)
  })
})
