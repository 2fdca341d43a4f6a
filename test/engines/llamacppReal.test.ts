import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Result, Scope } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { RequestRecord, WorkloadRequest } from "../../src/domain/Request.ts"
import type { EngineLaunch } from "../../src/engines/Engine.ts"
import { engine } from "../../src/engines/llamacpp/engine.ts"
import * as ChildProcess from "../../src/executors/childProcess.ts"
import { type EngineHandle, EngineHost } from "../../src/executors/EngineHost.ts"
import * as Readiness from "../../src/harness/Readiness.ts"
import { LoadClient } from "../../src/workload/LoadClient.ts"
import type { Schedule } from "../../src/workload/Schedule.ts"
import * as SocketClient from "../../src/workload/socketClient.ts"
import { live } from "../lib/effect.ts"
import { llamaServer, realModel } from "../lib/env.ts"
import { contextOf } from "../lib/launch.ts"
import { experiment as sample } from "../store/samples.ts"
import { syntheticModel } from "./server.ts"

// A real model on a busy machine takes longer than Bun's 5 s.
setDefaultTimeout(120_000)

const folder = mkdtempSync(join(tmpdir(), "llem-llamacpp-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const experiment = (over: Partial<Experiment> = {}): Experiment =>
  sample({ backend: "llamacpp", llamacpp: { parallel: 4, threads: 1 }, ...over })

/** The launch of an experiment whose engine is found on PATH, as a person's is. */
const launchOf = (asked: Experiment, path: string): EngineLaunch => {
  const model = { path, engineFolders: [], sizeBytes: 1, sha256: null, weights: null }
  const launch = Result.getOrThrow(engine.launch(asked, model))
  return { ...launch, env: { ...launch.env, PATH: `${llamaServer()}:${process.env["PATH"]}` } }
}

const started = (launch: EngineLaunch) =>
  EngineHost.use((host) => host.launch(launch, contextOf(folder))).pipe(
    Effect.provide(ChildProcess.layer({ graceSeconds: 5, secrets: () => undefined })),
  )

interface Served {
  readonly launch: EngineLaunch
  readonly handle: EngineHandle
  readonly stop: () => Promise<void>
}

const serve = async (asked: Experiment, path: string): Promise<Served> => {
  const scope = Scope.makeUnsafe()
  const launch = launchOf(asked, path)
  const handle = await Effect.runPromise(started(launch).pipe(Scope.provide(scope)))
  await Effect.runPromise(Readiness.awaitReady(handle, launch, 60))
  return { launch, handle, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

const send = async (
  { launch, handle }: Served,
  asked: Experiment,
  requests: ReadonlyArray<WorkloadRequest>,
  schedule: Schedule = { kind: "batches", batchSize: 4 },
): Promise<ReadonlyArray<RequestRecord>> => {
  const { endpoint } = handle
  const encode = (request: WorkloadRequest) => engine.encode(asked, launch, request)
  const run = LoadClient.use((client) => client.run({ endpoint, schedule, requests, encode, silenceSeconds: 60 }))
  return (await Effect.runPromise(run.pipe(Effect.provide(SocketClient.layer)))).requests
}

const one = async (served: Served, asked: Experiment, prompt: WorkloadRequest["prompt"], maxOutputTokens: number) => {
  const [record] = await send(served, asked, [{ id: 0, prompt, maxOutputTokens }])
  return record ?? expect.unreachable()
}

const tokens = (length: number, id: number) => Array.from({ length }, (_, index) => 300 + id * 1000 + index * 7)
const workload = (n: number, input: number, output: number): ReadonlyArray<WorkloadRequest> =>
  Array.from({ length: n }, (_, id) => ({ id, prompt: tokens(input, id), maxOutputTokens: output }))

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)

describe("llama-server with a real model", () => {
  // Prompt, output and one: exactly the slot's share of the context.
  const asked = experiment({ dataset: { n: 4, input_len: 239, output_len: 16, seed: 1 } })
  let served: Served
  beforeAll(async () => {
    served = await serve(asked, realModel())
  })
  afterAll(() => served.stop())

  const metric = async (name: string) => {
    const answer = await Effect.runPromise(served.handle.ask("GET", "/metrics"))
    return Number(new RegExp(`^llamacpp:${name} (\\S+)$`, "m").exec(answer?.body ?? "")?.[1])
  }

  test("says its build where the launch looks for the version, and has the slots that were asked for", async () => {
    const answer = await Effect.runPromise(served.handle.ask("GET", served.launch.infoPath ?? "/"))
    const info = JSON.parse(answer?.body ?? "{}")
    expect(info[served.launch.versionField ?? "version"]).toMatch(/^b\d+-/)
    expect(info).toMatchObject({ total_slots: 4, default_generation_settings: { n_ctx: 256 } })
  })

  test("every output has exactly the length asked for, though the slots are full to the last token", async () => {
    for (const record of await send(served, asked, workload(4, 239, 16))) {
      expect(record).toMatchObject({ error: null, inputTokens: 239, outputTokens: 16, finishReason: "length" })
      expect(sum(record.chunkTokens)).toBe(16)
      const times = [record.sentSeconds, ...record.chunkSeconds, record.endSeconds].map((at) => at ?? Number.NaN)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    }
  })

  test("tokens come one by one and each has its own time", async () => {
    const record = await one(served, asked, "Once upon a time there was a", 12)
    expect([...record.chunkTokens]).toEqual(Array.from({ length: 12 }, () => 1))
    expect(new Set(record.chunkSeconds).size).toBe(12)
    expect(record.firstTokenSeconds).toBe(record.chunkSeconds[0] ?? Number.NaN)
  })

  test("a prompt of text is continued, and has the server's own count", async () => {
    const record = await one(served, asked, "The capital of France is", 3)
    expect(record.text).toStartWith(" Paris")
    expect(record).toMatchObject({ inputTokens: 5, outputTokens: 3 })
  })

  test("a character of several tokens is one chunk that counts as several", async () => {
    const record = await one(served, asked, "日本語の文章：「", 30)
    expect(record).toMatchObject({ error: null, outputTokens: 30 })
    expect(Math.max(...record.chunkTokens)).toBeGreaterThan(1)
    expect(sum(record.chunkTokens)).toBe(30)
    expect(record.text).not.toContain("\uFFFD")
  })

  test("a prompt that was there before is computed again, in whichever slot", async () => {
    const same = Array.from({ length: 6 }, (_, id) => ({ id, prompt: tokens(50, 0), maxOutputTokens: 2 }))
    await send(served, asked, same)
    const before = await metric("prompt_tokens_total")
    const again = await send(served, asked, same, { kind: "batches", batchSize: 1 })
    expect(again.map(({ text }) => text)).toEqual(Array.from({ length: 6 }, () => again[0]?.text ?? "?"))
    expect((await metric("prompt_tokens_total")) - before).toBe(6 * 50)
  })

  test("the same seed gives the same text, another request another", async () => {
    const decoder = { temperature: 1, do_sample: true, top_k: 0, top_p: 1, repetition_penalty: 1 }
    const sampled = experiment({ decoder })
    const both = [0, 1].map((id) => ({ id, prompt: tokens(20, 0), maxOutputTokens: 16 }))
    const alone = { kind: "batches", batchSize: 1 } as const
    const first = (await send(served, sampled, both, alone)).map(({ text }) => text)
    expect((await send(served, sampled, both, alone)).map(({ text }) => text)).toEqual(first)
    expect(first[0]).not.toBe(first[1])
  })

  test("a text ends by itself only where the study lets it", async () => {
    const prompt = "<|im_start|>user\nSay hi<|im_end|>\n<|im_start|>assistant\n"
    const mayStop = experiment({ llamacpp: { parallel: 4, ignore_eos: false } })
    const stopped = await one(served, mayStop, prompt, 60)
    expect(stopped.finishReason).toBe("stop")
    expect(stopped.outputTokens).toBeLessThan(60)
    expect(sum(stopped.chunkTokens)).toBe(stopped.outputTokens ?? Number.NaN)
    expect(await one(served, asked, prompt, 60)).toMatchObject({ finishReason: "length", outputTokens: 60 })
  })

  test("a prompt that no slot holds is refused with the server's words, and the rest go on", async () => {
    const [long, short] = await send(served, asked, [
      { id: 0, prompt: tokens(300, 0), maxOutputTokens: 2 },
      { id: 1, prompt: tokens(20, 1), maxOutputTokens: 2 },
    ])
    expect(long?.error).toMatchObject({ kind: "http_400" })
    expect(long?.error?.message).toContain("context size")
    expect(short).toMatchObject({ error: null, outputTokens: 2 })
  })
})

describe("llama-server as a process", () => {
  live("runs a synthetic model with options of the study's own, and ends with its scope", () =>
    Effect.gen(function* () {
      const asked = experiment({ llamacpp: { parallel: 2, flash_attn: true, prefill_chunk: 128 } })
      const served = yield* Effect.promise(() => serve(asked, syntheticModel()))
      const records = yield* Effect.promise(() => send(served, asked, workload(4, 32, 16)))
      expect(records.map(({ error, outputTokens }) => [error, outputTokens])).toEqual(
        Array.from({ length: 4 }, () => [null, 16]),
      )
      yield* Effect.promise(served.stop)
      expect((yield* served.handle.exit).signal).toBe("SIGTERM")
      expect(yield* served.handle.ask("GET", "/health")).toBeNull()
    }),
  )

  live("an option that it does not know and a model that is none end it with its own words", () =>
    Effect.gen(function* () {
      const broken = join(folder, "broken.gguf")
      writeFileSync(broken, readFileSync(realModel()).subarray(0, 100_000))
      const unknown = launchOf(experiment({ llamacpp: { such_option: 1 } }), realModel())
      for (const [launch, words] of [
        [unknown, "--such-option"],
        [launchOf(experiment(), broken), "model loading error"],
      ] as const) {
        const handle = yield* started(launch)
        const error = yield* handle.crashError(yield* handle.exit)
        expect(error).toMatchObject({ _tag: "EngineError" })
        expect(JSON.stringify(error.details["log_tail"])).toContain(words)
      }
    }),
  )
})
