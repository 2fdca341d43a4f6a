import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { median, report } from "./_report.ts"

/**
 * What the harness and the meters cost while a window runs, with 32 requests in flight, and how far the window's edges lie
 * from the first request sent and the last token received.
 */
const rounds = Number(process.argv[2] ?? 5)
const concurrency = Number(process.argv[3] ?? 32)
const llem = resolve(import.meta.dir, "../../dist/llem")
const work = mkdtempSync(join(tmpdir(), "llem-harness-"))
mkdirSync(join(work, "home"))
writeFileSync(
  join(work, "study.yaml"),
  `name: harness
model: synthetic:110m
dataset: { n: ${4 * concurrency}, input_len: 64, output_len: 64, seed: 42 }
load: { mode: concurrency, concurrency: ${concurrency} }
warmup: { n_warmup: ${concurrency}, thermal_floor_seconds: 0 }
baseline: { enabled: false }
embedded: { threads: 1 }
execution: { n_cycles: ${rounds} }
`,
)
const environment = { PATH: "/usr/bin:/bin", HOME: join(work, "home") }
const run = Bun.spawnSync([llem, "run", "study.yaml", "--progress", "none"], { cwd: work, env: environment })
if (run.exitCode !== 0) throw new Error(run.stderr.toString())
const study = join(work, "results", readdirSync(join(work, "results"))[0] ?? "")
const results = readdirSync(join(study, "cells")).map((cell) =>
  JSON.parse(readFileSync(join(study, "cells", cell, "result.json"), "utf8")),
)
const share = results.map((result) => {
  const seconds = result.window.duration_seconds
  const sampled = result.phases.reduce(
    (sum: number, phase: { duration_seconds: number }) => sum + phase.duration_seconds,
    0,
  )
  return (result.client.cpu_seconds + (result.sampling.cpu_seconds * seconds) / sampled) / seconds
})
const windowPhase = results.map((result) => {
  const phase = result.phases.find((one: { phase: string }) => one.phase === "window")
  const lead = -phase.start_offset_seconds
  const trail = phase.start_offset_seconds + phase.duration_seconds - result.window.duration_seconds
  return { lead, trail }
})
console.log(
  `${rounds} windows of ${median(results.map((result) => result.window.duration_seconds)).toFixed(1)} s, ${median(results.map((result) => result.throughput.output_tokens_per_second)).toFixed(0)} tokens/s; the window phase begins ${(1000 * median(windowPhase.map((one) => one.lead))).toFixed(2)} ms before and ends ${(1000 * median(windowPhase.map((one) => one.trail))).toFixed(2)} ms after the window`,
)
rmSync(work, { recursive: true, force: true })
report([{ figure: "CPU of client and sampler", value: 100 * median(share), goal: 2, unit: "% of a core" }])
