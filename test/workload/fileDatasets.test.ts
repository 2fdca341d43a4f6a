import { describe, expect } from "bun:test"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { Experiment } from "../../src/domain/Experiment.ts"
import { Datasets } from "../../src/workload/Datasets.ts"
import * as FileDatasets from "../../src/workload/fileDatasets.ts"
import { live } from "../lib/effect.ts"

const experiment = (dataset: string, n: number): Experiment =>
  Schema.decodeSync(Experiment)({
    model: "synthetic:15m",
    backend: "embedded",
    n,
    precision: null,
    random_seed: 1,
    dataset,
    dataset_order: "interleaved",
    max_input_tokens: 8,
    max_output_tokens: 4,
    decoder: { temperature: 0, do_sample: false, top_k: 0, top_p: 1, repetition_penalty: 1 },
    warmup: {
      enabled: false,
      n_warmup: 1,
      thermal_floor_seconds: 0,
      convergence_detection: false,
      cv_threshold: 0.05,
      max_prompts: 5,
      window_size: 3,
      min_prompts: 1,
    },
    baseline: { enabled: false, duration_seconds: 5 },
    energy: { backend: null, sample_hz: 10 },
    load: { mode: "offline" },
  })

const folder = mkdtempSync(join(tmpdir(), "llem-data-"))
const sets = join(folder, "sets")
mkdirSync(sets)

const prompts = (dataset: string, n = 3) =>
  Datasets.use((datasets) => datasets.prompts(experiment(dataset, n), { weights: { vocabularySize: 1000 } })).pipe(
    Effect.provide(FileDatasets.layer({ baseDirectory: folder, setsDirectory: sets })),
  )

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)

describe("datasets from files", () => {
  live("as many rows as are needed, across read buffers, CRLF and a last line without end", () =>
    Effect.gen(function* () {
      const long = "ä".repeat(50_000)
      write("p.jsonl", `{"prompt":"${long}"}\r\n\r\n{"text":"two"}\n{"prompt":"three"}`)
      const { requests, warnings } = yield* prompts("p.jsonl")
      expect(requests.map((request) => request.prompt)).toEqual([long, "two", "three"])
      expect(warnings).toEqual([])
    }),
  )

  live("rows past the ones that are needed are not read", () =>
    Effect.gen(function* () {
      write("half.jsonl", '{"prompt":"a"}\n{broken\n')
      expect((yield* prompts("./half.jsonl", 1)).requests).toHaveLength(1)
      const error = yield* Effect.flip(prompts("./half.jsonl", 2))
      expect(error).toMatchObject({ reason: "data", details: { file: "./half.jsonl", row: 2 } })
    }),
  )

  live("the default set where its file is on the node, generated prompts where it is not", () =>
    Effect.gen(function* () {
      const before = yield* prompts("aienergyscore")
      expect(before.warnings.map((warning) => warning.code)).toEqual(["dataset_substituted"])
      expect(before.requests[0]?.prompt).toHaveLength(8)
      writeFileSync(join(sets, "aienergyscore.jsonl"), '{"text":"real"}\n'.repeat(3))
      const after = yield* prompts("aienergyscore")
      expect(after.warnings).toEqual([])
      expect(after.requests[0]?.prompt).toBe("real")
    }),
  )

  const bad: ReadonlyArray<[string, string, () => void, RegExp]> = [
    ["a missing file", "no.jsonl", () => {}, /no such file/],
    ["a directory", "./sets", () => {}, /is a directory/],
    [
      "not UTF-8",
      "latin.jsonl",
      () => write("latin.jsonl", Uint8Array.from([123, 34, 0xe4, 34, 125, 10])),
      /not UTF-8/,
    ],
    ["an empty file", "empty.jsonl", () => write("empty.jsonl", ""), /holds no prompts/],
    ["an unknown name", "sharegpt", () => {}, /sharegpt cannot be used: there is no such file/],
  ]
  for (const [name, dataset, prepare, message] of bad)
    live(`${name} is a data error that says what may stand there`, () =>
      Effect.gen(function* () {
        prepare()
        const error = yield* Effect.flip(prompts(dataset))
        expect(error).toMatchObject({ _tag: "LocalError", reason: "data" })
        expect(error.message).toMatch(message)
        expect(error.fix).not.toBe("")
      }),
    )
})
