import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { llem, type Place, place, put, type Ran, readJson, results, start, studyFolder } from "../lib/cli.ts"
import { projectRoot, python, realModel } from "../lib/env.ts"

const study = `
name: two-models
dataset: { n: 4, input_len: 24, output_len: 8, seed: 42 }
sweep:
  model: [real.gguf, synthetic:15m]
  embedded.batch_size: [1, 2]
execution: { n_cycles: 3, cycle_order: shuffled }
warmup: { n_warmup: 1, thermal_floor_seconds: 0 }
baseline: { enabled: false }
`

/** Many nodes name a proxy for the world outside; engines are asked directly, also where it is away. */
const proxy = "http://127.0.0.1:9"

const prepare = (): Place => {
  const where = place({ http_proxy: proxy, HTTP_PROXY: proxy })
  symlinkSync(realModel(), join(where.directory, "real.gguf"))
  put(where, "study.yaml", study)
  return where
}

const lines = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

describe("a study of a real and a synthetic model, from the compiled binary in an empty folder behind a proxy", () => {
  let where: Place
  let ran: Ran
  let folder: string
  beforeAll(async () => {
    where = prepare()
    ran = await llem(where, "run", "study.yaml", "--progress", "json")
    folder = studyFolder(where)
  }, 300_000)

  test("runs all cells to the end and prints a table", () => {
    expect(ran.code).toBe(0)
    expect(ran.stdout).toContain("two-models")
    const manifest = readJson(join(folder, "manifest.json"))
    expect(manifest.status).toBe("completed")
    expect(manifest.counts).toMatchObject({ cells: 12, completed: 12 })
    expect(readdirSync(join(folder, "cells"))).toHaveLength(12)
  })

  test("its progress lines are those of its journal, and nothing else is on standard error", () => {
    const events = ran.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(events).toEqual(lines(join(folder, "journal.ndjson")))
    const first = events.find((event) => event.event === "cell_started")
    const phases = events.filter(
      (event) => event.event === "cell_phase" && event.index === first.index && event.cycle === 1,
    )
    expect(phases.map((event) => event.phase)).toEqual(["gate", "launch", "load", "warmup", "window", "drain", "stop"])
  })

  test("each cycle is a permutation, in the order of the plan", async () => {
    const planned = JSON.parse((await llem(where, "plan", "study.yaml", "--json")).stdout)
    const started = lines(join(folder, "journal.ndjson")).filter((event) => event.event === "cell_started")
    const order = started.map(({ index, cycle }) => ({ index, cycle }))
    expect(order).toEqual(planned.cells.map(({ index, cycle }: { index: number; cycle: number }) => ({ index, cycle })))
    for (const cycle of [1, 2, 3])
      expect(
        order
          .filter((run) => run.cycle === cycle)
          .map((run) => run.index)
          .sort(),
      ).toEqual([1, 2, 3, 4])
  })

  test("every figure follows from the files in its cell's folder, by a script in another language", () => {
    const cells = readdirSync(join(folder, "cells")).map((name) => join(folder, "cells", name))
    const check = Bun.spawnSync([python(), join(projectRoot, "test/recompute/recompute.py"), ...cells])
    expect(
      check.stdout
        .toString()
        .split("\n")
        .filter((line) => !line.endsWith(" 0 wrong")),
    ).toEqual([""])
    expect(check.exitCode).toBe(0)
  })

  test("results say what they rest on", () => {
    for (const result of Object.values(results(folder))) {
      const reasons = result.verdict.reasons.map((reason: { code: string }) => reason.code)
      expect(reasons.filter((code: string) => code !== "window_too_short_for_meter")).toEqual([])
      expect(result.verdict.valid).toBe(reasons.length === 0)
      expect(result.energy.quality).not.toBe("unavailable")
      expect(result.throughput).toMatchObject({ requests: 4, failed_requests: 0, input_tokens: 96, output_tokens: 32 })
      expect(result.engine.model.weight_format).toBe(result.experiment.config.model === "real.gguf" ? "Q4_1" : "Q4_0")
      expect(result.engine.model.sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(result.provenance.llem_sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(result.flops.total).toBe(2 * result.engine.model.non_embedding_parameters * 128)
      const at = Date.parse(result.window.ended_at) - Date.parse(result.window.started_at)
      expect(Math.abs(at / 1000 - result.window.duration_seconds)).toBeLessThan(0.002)
    }
  })

  test("the same seed gives the same output in every cycle", () => {
    const hashes = Map.groupBy(Object.values(results(folder)), (result) => result.experiment.hash)
    expect(hashes.size).toBe(4)
    for (const cycles of hashes.values()) expect(new Set(cycles.map((result) => result.output.sha256)).size).toBe(1)
  })

  test("the same file has the same plan and hashes again, on any machine", async () => {
    const again = place()
    put(again, "study.yaml", study)
    const [here, there] = await Promise.all([
      llem(where, "plan", "study.yaml", "--json"),
      llem(again, "plan", "study.yaml", "--json"),
    ])
    const { preflight, ...elsewhere } = JSON.parse(there.stdout)
    expect({ ...elsewhere, preflight: { ready: true, findings: [] } }).toEqual(JSON.parse(here.stdout))
    expect(preflight.findings.map((finding: { code: string }) => finding.code)).toEqual(["file_missing"])
    const stored = readJson(join(folder, "plan.json"))
    expect(stored.study).toEqual(JSON.parse(here.stdout).study)
    const models = Object.values(results(folder)).map((result) => result.engine.model.sha256)
    expect(models).toContain(stored.contents["real.gguf"])
  })

  test("results list and show read it back", async () => {
    const list = JSON.parse((await llem(where, "results", "list", "--json")).stdout)
    expect(list.studies).toMatchObject([{ study_name: "two-models", status: "completed", finished: true }])
    const name = folder.split("/").at(-1) ?? ""
    const shown = JSON.parse((await llem(where, "results", "show", name, "--json")).stdout)
    expect(shown.results).toHaveLength(12)
    const cell = join(folder, "cells", readdirSync(join(folder, "cells"))[0] ?? "")
    expect(JSON.parse((await llem(where, "results", "show", cell, "--json")).stdout)).toEqual(
      readJson(join(cell, "result.json")),
    )
    expect((await llem(where, "results", "show", cell)).stdout).toContain("tokens/s")
  })
})

/** Processes whose command line has a text. */
const processesWith = (text: string): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text)
      } catch {
        return false
      }
    })

const until = async (condition: () => boolean): Promise<void> => {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it did not happen within 30 s")
    await Bun.sleep(10)
  }
}

describe("a study that is ended from outside", () => {
  const slow = (where: Place) =>
    put(
      where,
      "slow.yaml",
      `
name: slow
model: synthetic:15m
dataset: { n: 20, input_len: 24, output_len: 60, seed: 42 }
sweep: { embedded.batch_size: [1, 2], random_seed: [1, 2] }
execution: { n_cycles: 1, cycle_order: sequential }
warmup: { n_warmup: 1, thermal_floor_seconds: 1 }
baseline: { enabled: false }
`,
    )

  const events = (where: Place) => {
    const path = join(where.directory, "results")
    if (!existsSync(path) || readdirSync(path).length === 0) return []
    const journal = join(studyFolder(where), "journal.ndjson")
    if (!existsSync(journal)) return []
    const text = readFileSync(journal, "utf8")
    return text
      .slice(0, text.lastIndexOf("\n") + 1)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  }

  const cacheOf = (where: Place) => ({ ...where.environment, LLEM_CACHE_DIR: join(where.directory, "..", "cache") })
  const running: Array<{ kill: (signal: NodeJS.Signals) => void }> = []
  afterAll(() => {
    for (const child of running) child.kill("SIGKILL")
  })

  const begin = () => {
    const where = place()
    const own = { ...where, environment: cacheOf(where) }
    slow(own)
    const child = start(own, ["run", "slow.yaml", "--progress", "none"])
    running.push(child)
    return { where: own, child, mark: own.environment.LLEM_CACHE_DIR }
  }

  for (const phase of ["launch", "load", "warmup", "thermal_floor", "window", "drain", "stop"])
    test(`kill -9 in phase ${phase} leaves no process, and a journal that reads`, async () => {
      const { where, child, mark } = begin()
      await until(() => events(where).some((event) => event.phase === phase))
      child.kill("SIGKILL")
      await child.exited
      await until(() => processesWith(mark).length === 0)
      const list = JSON.parse((await llem(where, "results", "list", "--json")).stdout)
      expect(list.studies).toMatchObject([{ finished: false, counts: { cells: 4 } }])
      for (const event of events(where).filter((one) => one.event === "cell_completed"))
        expect(readJson(join(studyFolder(where), event.result_file)).status).toBe("completed")
    }, 60_000)

  test("kill -9 in the middle loses no finished cell", async () => {
    const { where, child } = begin()
    await until(() => events(where).some((event) => event.event === "cell_started" && event.index === 2))
    child.kill("SIGKILL")
    await child.exited
    const [first] = Object.values(results(studyFolder(where)))
    expect(first.throughput.output_tokens).toBe(1200)
    const shown = JSON.parse((await llem(where, "results", "show", studyFolder(where), "--json")).stdout)
    expect(shown.manifest.entries.map((entry: { status: string }) => entry.status)).toEqual([
      "completed",
      "running",
      "pending",
      "pending",
    ])
  }, 60_000)

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    test(`${signal} once: the cell is marked interrupted, the engine is gone, exit ${code}`, async () => {
      const { where, child, mark } = begin()
      await until(() => events(where).some((event) => event.phase === "window"))
      child.kill(signal)
      expect(await child.exited).toBe(code)
      expect(processesWith(mark)).toEqual([])
      const manifest = readJson(join(studyFolder(where), "manifest.json"))
      expect(manifest.status).toBe("interrupted")
      expect(manifest.entries.map((entry: { status: string }) => entry.status)).toEqual([
        "interrupted",
        "pending",
        "pending",
        "pending",
      ])
      expect(events(where).at(-1)).toMatchObject({ event: "study_finished", status: "interrupted", interrupted: 1 })
    }, 60_000)

  test("Ctrl-C twice: at once, and still no orphan", async () => {
    const { where, child, mark } = begin()
    await until(() => events(where).some((event) => event.phase === "window"))
    child.kill("SIGINT")
    child.kill("SIGINT")
    expect(await child.exited).toBe(130)
    await until(() => processesWith(mark).length === 0)
    expect(events(where).length).toBeGreaterThan(3)
  }, 60_000)
})
