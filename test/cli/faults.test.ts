import { afterEach, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { llem, type Place, place, put, readJson, results, start, studyFolder } from "../lib/cli.ts"

const text = (more = "") => `
name: faulty
model: synthetic:15m
dataset: { n: 24, input_len: 16, output_len: 60, seed: 42 }
experiments: [{ random_seed: 1 }, { random_seed: 2 }]
execution: { n_cycles: 1, cycle_order: sequential${more} }
warmup: { n_warmup: 1, thermal_floor_seconds: 0 }
baseline: { enabled: false }
embedded: { threads: 1 }
`

const cleanUp: Array<() => void> = []
afterEach(() => {
  for (const run of cleanUp.splice(0)) run()
})

const until = async <A>(look: () => A | null): Promise<A> => {
  const deadline = performance.now() + 30_000
  for (;;) {
    const found = look()
    if (found !== null) return found
    if (performance.now() > deadline) throw new Error("it did not happen within 30 s")
    await Bun.sleep(5)
  }
}

const journal = (where: Place): ReadonlyArray<Record<string, unknown>> => {
  const base = join(where.directory, "results")
  if (!existsSync(base) || readdirSync(base).length === 0) return []
  const path = join(studyFolder(where), "journal.ndjson")
  if (!existsSync(path)) return []
  const all = readFileSync(path, "utf8")
  const lines = all.slice(0, all.lastIndexOf("\n") + 1).split("\n")
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line))
}

/** The engine's process of a run: a child of that very process. */
const engineOf = (llemPid: number): number | null => {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
      if (parent === llemPid && readFileSync(`/proc/${name}/cmdline`, "utf8").includes("__engine")) return Number(name)
    } catch {
      // It ended while we looked.
    }
  }
  return null
}

/** Starts the study and does something to the first engine in a phase; gives the manifest's entries and the results. */
const strike = async (phase: string, signal: NodeJS.Signals, more = "") => {
  const where = place()
  put(where, "study.yaml", text(more))
  const child = start(where, ["run", "study.yaml", "--progress", "none"])
  cleanUp.push(() => child.kill("SIGKILL"))
  await until(() => journal(where).find((event) => event["phase"] === phase) ?? null)
  const engine = await until(() => engineOf(child.pid))
  process.kill(engine, signal)
  expect(await child.exited).toBe(1)
  expect(existsSync(`/proc/${engine}`)).toBe(false)
  const study = studyFolder(where)
  const entries: ReadonlyArray<{ status: string; error_type: string | null }> = readJson(
    join(study, "manifest.json"),
  ).entries
  return { entries, failed: Object.values(results(study))[0] }
}

describe("an engine that fails is a recorded failure, and the study goes on", () => {
  for (const [name, phase, signal, more, type] of [
    ["dies in the window", "window", "SIGSEGV", "", "EngineError.crash"],
    ["aborts in the window", "window", "SIGABRT", "", "EngineError.crash"],
    ["dies while it loads", "load", "SIGKILL", "", "EngineError.crash"],
    ["never becomes ready", "launch", "SIGSTOP", ", timeouts: { launch_seconds: 1 }", "EngineError.ready_timeout"],
    ["stops sending tokens", "window", "SIGSTOP", ", timeouts: { silence_seconds: 1 }", "EngineError.silence"],
    [
      "takes longer than the window may",
      "window",
      "SIGSTOP",
      ", timeouts: { window_seconds: 5 }",
      "EngineError.timeout",
    ],
  ] as const)
    test(`it ${name}`, async () => {
      const { entries, failed } = await strike(phase, signal, more)
      expect(entries.map((entry) => [entry.status, entry.error_type])).toEqual([
        ["failed", type],
        ["completed", null],
      ])
      expect(failed.error.message).toContain("embedded engine")
      if (type === "EngineError.crash") expect(failed.error.details.signal).toBe(signal)
      if (phase === "window" && type === "EngineError.crash")
        expect(failed.error.details.log_tail.length).toBeGreaterThan(0)
    }, 60_000)
})

const mount = (path: string, options: string) => {
  mkdirSync(path, { recursive: true })
  const done = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path])
  if (done.exitCode !== 0) throw new Error(`tmpfs cannot be mounted: ${done.stderr.toString()}`)
  cleanUp.push(() => void Bun.spawnSync(["umount", "-l", path]))
}

describe("storage that fails", () => {
  test("a disk that fills fails the cell that does not fit, with the reason, and ends in the contract", async () => {
    const where = place()
    put(where, "study.yaml", text())
    mount(join(where.directory, "small"), "size=40k")
    const ran = await llem(where, "run", "study.yaml", "-o", "small")
    expect(ran.code).toBe(1)
    expect(ran.stderr + ran.stdout).toMatch(/no space|is full|ENOSPC/i)
    expect(ran.stderr).not.toMatch(/\n\s+at /)
  }, 60_000)

  test("a read-only results folder is said at once, before an engine starts", async () => {
    const where = place()
    put(where, "study.yaml", text())
    mount(join(where.directory, "frozen"), "ro,size=64k")
    const ran = await llem(where, "run", "study.yaml", "-o", "frozen")
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/read-only/i)
    expect(ran.stderr).not.toMatch(/\n\s+at /)
  })

  test("without a home, and with a cache that cannot be written, it runs all the same", async () => {
    const where = place({ HOME: "/nonexistent", LLEM_CACHE_DIR: "/proc/none" })
    const ran = await llem(
      where,
      "run",
      "-m",
      "synthetic:15m",
      "-n",
      "1",
      "--set",
      "max_output_tokens=2",
      "--set",
      "max_input_tokens=8",
      "--set",
      "warmup.enabled=false",
      "--set",
      "baseline.enabled=false",
    )
    expect([ran.code, ran.stderr.includes("error")]).toEqual([0, false])
  }, 60_000)

  test("results are for colleagues to read, caches for nobody else", async () => {
    const where = place()
    const own = { ...where, environment: { ...where.environment, LLEM_CACHE_DIR: join(where.directory, "cache") } }
    await llem(
      own,
      "run",
      "-m",
      "synthetic:15m",
      "-n",
      "1",
      "--set",
      "max_output_tokens=2",
      "--set",
      "max_input_tokens=8",
      "--set",
      "warmup.enabled=false",
      "--set",
      "baseline.enabled=false",
    )
    expect(statSync(join(where.directory, "cache")).mode & 0o077).toBe(0)
    expect(statSync(join(studyFolder(where), "study.json")).mode & 0o777).toBe(0o644)
  }, 60_000)
})

describe("reuse of engines", () => {
  test("cells whose launch is identical share one engine when the study says so", async () => {
    const where = place()
    put(where, "study.yaml", text(", reuse_engine: true"))
    expect((await llem(where, "run", "study.yaml")).code).toBe(0)
    const all = Object.values(results(studyFolder(where)))
    expect(all.map((result) => result.engine.details.reused)).toEqual([false, true])
  }, 60_000)
})

describe("the user's own prompts", () => {
  test("a JSONL file is used as it is, and a bad row is named", async () => {
    const where = place()
    put(where, "prompts.jsonl", '{"prompt": "ba be bi"}\n{"prompt": "do du da"}\n')
    const flags = [
      "-m",
      "synthetic:15m",
      "-n",
      "2",
      "--set",
      "max_output_tokens=4",
      "--set",
      "warmup.enabled=false",
      "--set",
      "baseline.enabled=false",
    ]
    const ran = await llem(where, "run", "-d", "prompts.jsonl", ...flags, "--json")
    expect(ran.code).toBe(0)
    expect(JSON.parse(ran.stdout).results[0].throughput).toMatchObject({ requests: 2, failed_requests: 0 })
    put(where, "bad.jsonl", '{"prompt": "fine"}\n{"promt": "x"}\n')
    const bad = await llem(where, "run", "-d", "bad.jsonl", ...flags, "--json", "-o", "other")
    expect(bad.code).toBe(1)
    const [failed] = JSON.parse(bad.stdout).results
    expect(failed.error.type).toBe("LocalError.data")
    expect(failed.error.message).toMatch(/bad\.jsonl.*(2|promt)/)
  }, 60_000)
})
