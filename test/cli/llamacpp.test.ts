import { beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { llem, type Place, place, put, type Ran, readJson, results, start, studyFolder } from "../lib/cli.ts"
import { llamaServer, projectRoot, python, realModel } from "../lib/env.ts"

const withServer = (): Place => place({ PATH: `${llamaServer()}:/usr/bin:/bin` })

const short = [
  "--set",
  "warmup.n_warmup=1",
  "--set",
  "warmup.thermal_floor_seconds=0",
  "--set",
  "baseline.enabled=false",
]
const lengths = ["--set", "dataset.input_len=24", "--set", "dataset.output_len=32"]

/** Reasons that a window of a second may have where meters are coarse. */
const besides = (reasons: ReadonlyArray<{ code: string }>) =>
  reasons.map(({ code }) => code).filter((code) => code !== "window_too_short_for_meter")

const recomputed = (study: string): string => {
  const cells = readdirSync(join(study, "cells")).map((name) => join(study, "cells", name))
  const check = Bun.spawnSync([python(), join(projectRoot, "test/recompute/recompute.py"), ...cells])
  return check.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith(" 0 wrong"))
    .join("\n")
}

describe("one experiment on llama-server, from the command line alone", () => {
  let where: Place
  let ran: Ran
  beforeAll(async () => {
    where = withServer()
    const asked = ["-m", realModel(), "-b", "llamacpp", "--runner", "local", "-n", "4", "--batch-size", "2"]
    ran = await llem(where, "run", ...asked, ...short, ...lengths)
  }, 120_000)

  test("completes, with figures that hold", () => {
    expect(ran.code).toBe(0)
    const [result] = Object.values(results(studyFolder(where)))
    expect(result.status).toBe("completed")
    expect(besides(result.verdict.reasons)).toEqual([])
    expect(result.throughput).toMatchObject({ requests: 4, failed_requests: 0, input_tokens: 96, output_tokens: 128 })
    expect(result.latency.ttft_seconds.p50).toBeGreaterThan(0)
    expect(result.energy.quality).not.toBe("unavailable")
    expect(recomputed(studyFolder(where))).toBe("")
  })

  test("says which engine it was: its build, its slots, how it was started", () => {
    const [result] = Object.values(results(studyFolder(where)))
    expect(result.runner.mode).toBe("local")
    expect(result.engine).toMatchObject({ name: "llamacpp", model: { weight_format: "Q4_1" } })
    expect(result.engine.version).toMatch(/^b\d+-/)
    expect(result.engine.details).toMatchObject({ total_slots: 2, build_info: result.engine.version })
    expect(result.engine.details).not.toContainKey("chat_template")
    expect(result.engine.launch.argv).toContain("--no-cache-prompt")
  })
})

describe("a study of two engines", () => {
  test("runs both on the same prompts; an option of llama-server's own reaches it", async () => {
    const where = withServer()
    put(
      where,
      "study.yaml",
      `
name: two-engines
model: synthetic:15m
sweep: { backend: [embedded, llamacpp] }
dataset: { n: 4, input_len: 24, output_len: 16, seed: 42 }
decoder: { do_sample: false }
llamacpp: { parallel: 2, ubatch_size: 64 }
embedded: { batch_size: 2 }
runners: { embedded: local, llamacpp: local }
execution: { n_cycles: 1, experiment_gap_seconds: 0 }
warmup: { n_warmup: 1, thermal_floor_seconds: 0 }
baseline: { enabled: false }
`,
    )
    const ran = await llem(where, "run", "study.yaml", "--progress", "none")
    expect(ran.code).toBe(0)
    const done = Object.values(results(studyFolder(where)))
    expect(done.map((result) => result.engine.name).sort()).toEqual(["embedded", "llamacpp"])
    for (const result of done) {
      expect(besides(result.verdict.reasons)).toEqual([])
      expect(result.throughput).toMatchObject({ requests: 4, input_tokens: 96, output_tokens: 64 })
    }
    const llamacpp = done.find((result) => result.engine.name === "llamacpp")
    expect(llamacpp.engine.launch.argv.join(" ")).toContain("--ubatch-size 64")
  }, 120_000)

  test("without llama-server on PATH its cells are skipped and the others run", async () => {
    const where = place()
    put(
      where,
      "study.yaml",
      `
model: synthetic:15m
sweep: { backend: [embedded, llamacpp] }
dataset: { n: 2, input_len: 8, output_len: 4, seed: 42 }
runners: { embedded: local, llamacpp: local }
execution: { n_cycles: 1, experiment_gap_seconds: 0 }
warmup: { enabled: false }
baseline: { enabled: false }
`,
    )
    const ran = await llem(where, "run", "study.yaml", "--progress", "none")
    expect(ran.code).toBe(1)
    const manifest = readJson(join(studyFolder(where), "manifest.json"))
    expect(manifest.counts).toMatchObject({ completed: 1, skipped: 1 })
    expect(JSON.stringify(manifest)).toContain("there is no llama-server on PATH")
  }, 120_000)

  test("an option that llama-server does not know fails its cell with the server's own words", async () => {
    const where = withServer()
    const asked = ["-m", "synthetic:15m", "-b", "llamacpp", "--runner", "local", "-n", "2"]
    const ran = await llem(where, "run", ...asked, ...short, "--set", "llamacpp.such_option=1", "--progress", "none")
    expect(ran.code).not.toBe(0)
    const study = studyFolder(where)
    const [cell = ""] = readdirSync(join(study, "cells"))
    expect(readFileSync(join(study, "cells", cell, "engine.log"), "utf8")).toContain("--such-option")
    const journal = readFileSync(join(study, "journal.ndjson"), "utf8")
    expect(journal).toContain('"cell_failed"')
    expect(journal).toContain("--such-option")
  }, 120_000)
})

test("a llama-server does not outlive an llem that is killed", async () => {
  const where = withServer()
  const asked = ["-m", realModel(), "-b", "llamacpp", "--runner", "local", "-n", "200", "--progress", "plain"]
  const child = start(where, ["run", ...asked, ...short])
  const decoder = new TextDecoder()
  let said = ""
  for await (const bytes of child.stderr) {
    said += decoder.decode(bytes, { stream: true })
    if (said.includes("measuring")) break
  }
  const pids = (...by: ReadonlyArray<string>): ReadonlyArray<string> =>
    Bun.spawnSync(["pgrep", ...by])
      .stdout.toString()
      .split("\n")
      .filter((pid) => pid !== "")
  // The supervisor leads a process group of its own, in which the server is.
  const [leader = "none"] = pids("-P", String(child.pid))
  const servers = pids("-g", leader)
  child.kill("SIGKILL")
  await child.exited
  expect(servers).toHaveLength(2)
  const deadline = performance.now() + 5000
  while (pids("-g", leader).length > 0 && performance.now() < deadline) await Bun.sleep(20)
  expect(pids("-g", leader)).toEqual([])
}, 60_000)
