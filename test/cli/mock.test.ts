import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { llem, type Place, place, put, readJson, results, studyFolder } from "../lib/cli.ts"

const placeWith = (script: unknown): Place => {
  const where = place()
  put(where, "mock.json", JSON.stringify(script))
  return {
    ...where,
    environment: { ...where.environment, LLEM_EXECUTOR: `mock:${join(where.directory, "mock.json")}` },
  }
}

const facts = (more: Record<string, unknown> = {}) => ({
  facts: { docker: { usable: true, reason: null }, inside_container: false, engines: {}, gpus: [], ...more },
})

const noDocker = facts({ docker: { usable: false, reason: "no daemon answers" } })

const two = "model: m\nsweep: { backend: [vllm, pytorch] }\nexecution: { n_cycles: 1 }\n"

const planOf = async (script: unknown, text: string, ...flags: ReadonlyArray<string>) => {
  const where = placeWith(script)
  put(where, "study.yaml", text)
  const ran = await llem(where, "plan", "study.yaml", "--json", ...flags)
  if (ran.code !== 0) throw new Error(ran.stderr)
  return JSON.parse(ran.stdout)
}

const modes = (plan: { runners: Record<string, { mode: string; source: string }> }) =>
  Object.fromEntries(Object.entries(plan.runners).map(([backend, { mode, source }]) => [backend, `${mode} ${source}`]))

const codes = (notices: ReadonlyArray<{ code: string }>) => notices.map((notice) => notice.code)

describe("where backends run, through the binary", () => {
  test("several backends are elevated to Docker, said once", async () => {
    const plan = await planOf(facts(), two)
    expect(modes(plan)).toEqual({ vllm: "docker multi_engine_elevation", pytorch: "docker multi_engine_elevation" })
    expect(plan.notices).toEqual([
      {
        code: "auto_elevated",
        severity: "info",
        message: "Multi-backend study detected (pytorch, vllm). Auto-elevating all backends to Docker for isolation.",
      },
    ])
    expect(plan.preflight).toEqual({ ready: true, findings: [] })
  })

  test("an explicit choice stays, the others go to Docker, and mixed runners warn", async () => {
    const plan = await planOf(facts(), `${two}runners: { vllm: local }\n`)
    expect(modes(plan)).toEqual({ vllm: "local yaml", pytorch: "docker multi_engine_elevation" })
    expect(codes(plan.notices)).toEqual(["mixed_runners"])
  })

  test("flag over environment over file over user config", async () => {
    const where = placeWith(facts())
    put(where, "study.yaml", "model: m\nbackend: vllm\nrunner: local\n")
    put(where, "config.yaml", "runners: { vllm: local }\n")
    const ask = async (environment: Record<string, string>, ...flags: ReadonlyArray<string>) => {
      const here = { ...where, environment: { ...where.environment, ...environment } }
      return JSON.parse((await llem(here, "plan", "study.yaml", "--json", ...flags)).stdout).runners.vllm
    }
    const env = { LLEM_RUNNER_VLLM: "docker:mine:1", LLEM_CONFIG: join(where.directory, "config.yaml") }
    expect(await ask(env, "--runner", "docker:other:2")).toEqual({ mode: "docker", image: "other:2", source: "flag" })
    expect(await ask(env)).toEqual({ mode: "docker", image: "mine:1", source: "env" })
    expect(await ask({ LLEM_CONFIG: env.LLEM_CONFIG })).toMatchObject({ mode: "local", source: "yaml" })
    put(where, "study.yaml", "model: m\nbackend: vllm\n")
    expect(await ask({ LLEM_CONFIG: env.LLEM_CONFIG })).toMatchObject({ mode: "local", source: "user_config" })
    expect(await ask({})).toMatchObject({ mode: "docker", source: "auto_detected" })
    expect(await ask({ LLEM_IMAGE_VLLM: "pinned:3" })).toMatchObject({ image: "pinned:3", source: "auto_detected" })
  })

  test("without Docker several backends need guidance, and nothing starts", async () => {
    const where = placeWith(noDocker)
    put(where, "study.yaml", two)
    const ran = await llem(where, "run", "study.yaml")
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain(
      "Multi-backend study requires Docker isolation. Found backends: pytorch, vllm. Install Docker + NVIDIA Container Toolkit, or use a single backend.",
    )
    expect(existsSync(join(where.directory, "results"))).toBe(false)
    expect((await llem(where, "plan", "study.yaml")).code).toBe(0)
  })

  test("an explicit docker without Docker is a preflight failure also for one backend", async () => {
    const where = placeWith(noDocker)
    put(where, "study.yaml", "model: m\nbackend: vllm\nrunner: docker\n")
    expect((await llem(where, "run", "study.yaml")).code).toBe(1)
    const plan = JSON.parse((await llem(where, "plan", "study.yaml", "--json")).stdout)
    expect(plan.preflight.ready).toBe(false)
  })

  test("inside a container nothing is dispatched to Docker, in its own words", async () => {
    const where = placeWith(facts({ inside_container: true }))
    put(where, "study.yaml", two)
    const ran = await llem(where, "run", "study.yaml")
    expect(ran.code).toBe(1)
    expect(ran.stderr).not.toContain("Install Docker")
    expect(ran.stderr).toContain("container")
  })

  test("a backend that cannot run here is skipped, the study goes on and exits 1", async () => {
    const where = placeWith(facts({ engines: { vllm: false } }))
    put(where, "study.yaml", `${two}runner: local\n`)
    const ran = await llem(where, "run", "study.yaml", "--progress", "json")
    expect(ran.code).toBe(1)
    const events = ran.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    const notices = events.filter((event) => event.event === "notice" && event.severity === "error")
    expect(codes(notices)).toEqual(["backend_unavailable"])
    const manifest = readJson(join(studyFolder(where), "manifest.json"))
    const statuses = manifest.entries.map((one: { backend: string; status: string }) => [one.backend, one.status])
    expect(Object.fromEntries(statuses)).toEqual({ vllm: "skipped", pytorch: "completed" })
  })

  test("when nothing is left to run the study fails", async () => {
    const where = placeWith(facts({ engines: { vllm: false } }))
    put(where, "study.yaml", "model: m\nbackend: vllm\nrunner: local\n")
    expect((await llem(where, "run", "study.yaml")).code).toBe(1)
  })

  test("a runner that is none, and an endpoint elsewhere than here, are configuration errors", async () => {
    for (const text of [
      "model: m\nbackend: vllm\nrunner: 'docker:'\n",
      "model: m\nbackend: vllm\nrunner: podman\n",
      "model: m\nbackend: endpoint\nendpoint: {url: 'http://x'}\nrunner: docker\n",
    ]) {
      const where = placeWith(facts())
      put(where, "study.yaml", text)
      expect((await llem(where, "run", "study.yaml")).code).toBe(2)
    }
  })
})

describe("what becomes of cells", () => {
  const study =
    "model: m\nbackend: vllm\nsweep: { n: [1, 2, 3] }\nexecution: { n_cycles: 1, cycle_order: sequential }\n"

  test("every outcome is recorded and the study goes on", async () => {
    const where = placeWith({
      rules: [
        { match: { index: 1 }, outcome: { error: "DockerError", reason: "oom", message: "out of memory" } },
        { match: { index: 2 }, outcome: "defect" },
      ],
      default: {
        seconds: 0.01,
        outcome: "completed",
        result: { energy_joules: 12.5, output_tokens: 100, duration_seconds: 10 },
      },
    })
    put(where, "study.yaml", study)
    const ran = await llem(where, "run", "study.yaml", "--progress", "none")
    expect(ran.code).toBe(1)
    const manifest = readJson(join(studyFolder(where), "manifest.json"))
    expect(manifest.entries.map((one: { status: string; error_type: string }) => [one.status, one.error_type])).toEqual(
      [
        ["failed", "DockerError.oom"],
        ["failed", "DefectError.defect"],
        ["completed", null],
      ],
    )
    const [first, , third] = Object.values(results(studyFolder(where)))
    expect(first).toMatchObject({ status: "failed", error: { type: "DockerError.oom", message: "out of memory" } })
    expect(third).toMatchObject({ status: "completed", runner: { mode: "mock" }, verdict: { valid: false } })
    expect(third.energy.total_joules).toBe(12.5)
    expect(ran.stdout + ran.stderr).not.toMatch(/\n\s+at /)
  })

  test("--fail-fast stops after the first failure", async () => {
    const where = placeWith({ default: { outcome: { error: "EngineError", reason: "crash" } } })
    put(where, "study.yaml", study)
    expect((await llem(where, "run", "study.yaml", "--fail-fast")).code).toBe(1)
    const manifest = readJson(join(studyFolder(where), "manifest.json"))
    expect(manifest.entries.map((entry: { status: string }) => entry.status)).toEqual(["failed", "pending", "pending"])
  })

  test("a cell that hangs is given up at its limit", async () => {
    const where = placeWith({ rules: [{ match: { index: 2 }, outcome: "hang" }] })
    put(where, "study.yaml", study)
    expect((await llem(where, "run", "study.yaml", "--timeout", "1")).code).toBe(1)
    const manifest = readJson(join(studyFolder(where), "manifest.json"))
    expect(manifest.entries.map((one: { error_type: string }) => one.error_type)).toEqual([
      null,
      "DockerError.timeout",
      null,
    ])
  })

  test("a single experiment is a study of one cell", async () => {
    const where = placeWith({})
    const ran = await llem(
      where,
      "run",
      "-m",
      "m",
      "-b",
      "vllm",
      "-n",
      "3",
      "--json",
      "--set",
      "decoder.preset=factual",
    )
    expect(ran.code).toBe(0)
    const [result] = JSON.parse(ran.stdout).results
    expect(result.experiment.config).toMatchObject({ n: 3, decoder: { temperature: 0.3 } })
  })

  test("a study that takes the name of another in the same second gets its own folder", async () => {
    const where = placeWith({})
    await Promise.all([1, 2, 3].map(() => llem(where, "run", "-m", "m", "-b", "vllm", "--progress", "none")))
    const list = JSON.parse((await llem(where, "results", "--json")).stdout)
    expect(list.studies).toHaveLength(3)
  })
})

describe("standard streams", () => {
  test("closed standard error and a reader that goes away do no harm", async () => {
    const where = placeWith({})
    put(where, "study.yaml", "model: m\nbackend: vllm\nsweep: { n: [1, 2] }\n")
    const shell = (command: string) =>
      Bun.spawnSync(["bash", "-c", command], {
        cwd: where.directory,
        env: { ...where.environment, LLEM: join(process.cwd(), "dist/llem") },
      })
    expect(shell('"$LLEM" run study.yaml --no-gaps 2>&-').exitCode).toBe(0)
    const piped = shell('"$LLEM" run study.yaml --no-gaps --json 2>/dev/null | head -c 10; echo "$PIPESTATUS"')
    expect(piped.stdout.toString()).toEndWith("0\n")
    expect(shell('"$LLEM" plan study.yaml --json | true; exit "$PIPESTATUS"').exitCode).toBe(0)
  })

  test("an environment of 1 MB is no hindrance", async () => {
    const where = placeWith({})
    const big = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`BIG_${index}`, "x".repeat(100_000)]))
    const ran = await llem({ ...where, environment: { ...where.environment, ...big } }, "run", "-m", "m", "-b", "vllm")
    expect(ran.code).toBe(0)
  })

  test("plan --json is one document in the contract's shape", async () => {
    const plan = await planOf(facts(), "model: m\nbackend: vllm\nsweep: { n: [1, 0] }\nexecution: {n_cycles: 2}\n")
    expect(Object.keys(plan)).toEqual([
      "schema",
      "study",
      "counts",
      "runners",
      "notices",
      "preflight",
      "cells",
      "skipped",
    ])
    expect(plan.counts).toEqual({ experiments: 1, cycles: 2, cells: 2, skipped: 1 })
    expect(Object.keys(plan.cells[0])).toEqual([
      "index",
      "cycle",
      "hash",
      "backend",
      "config",
      "timeout_seconds",
      "timeouts",
      "skip",
    ])
    expect(plan.skipped[0].reason).toBe("n: should be at least 1 (study.yaml:3:17)")
  })

  test("LLEM_EXECUTOR that names no executor, or a broken script, is a usage error", async () => {
    const where = place({ LLEM_EXECUTOR: "docker" })
    expect((await llem(where, "run", "-m", "m")).code).toBe(2)
    const broken = placeWith({ rulez: [] })
    const ran = await llem(broken, "run", "-m", "m")
    expect(ran.code).toBe(2)
    expect(readFileSync(join(broken.directory, "mock.json"), "utf8")).toContain("rulez")
    expect(ran.stderr).toContain("rulez")
  })
})
