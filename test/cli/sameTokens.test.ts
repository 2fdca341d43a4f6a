import { expect, test } from "bun:test"
import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { llem, place, put, results, studyFolder } from "../lib/cli.ts"
import { realModel } from "../lib/env.ts"

/** A real model with eight requests in flight, so that batches are of many kinds. */
const study = (runner: string) => `
name: eight
model: real.gguf
backend: embedded
runner: ${runner}
dataset: { n: 16, input_len: 48, output_len: 24, seed: 1 }
load: { mode: concurrency, concurrency: 8 }
decoder: { preset: deterministic }
warmup: { n_warmup: 1, thermal_floor_seconds: 0 }
baseline: { enabled: false }
embedded: { threads: 1 }
`

const outputOf = async (runner: string) => {
  const where = place()
  symlinkSync(realModel(), join(where.directory, "real.gguf"))
  put(where, "study.yaml", study(runner))
  const ran = await llem(where, "run", "study.yaml", "--progress", "none", "-q")
  expect([ran.code, ran.stderr]).toEqual([0, ""])
  const [result] = Object.values(results(studyFolder(where)))
  expect(result.runner.mode).toBe(runner)
  expect(result.throughput.output_tokens).toBe(16 * 24)
  return result.output
}

test("a study with eight requests in flight gives the same tokens locally and in Docker", async () => {
  const local = await outputOf("local")
  expect(local.sha256).toMatch(/^[0-9a-f]{64}$/)
  expect(await outputOf("docker")).toEqual(local)
}, 120_000)
