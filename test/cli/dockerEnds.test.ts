import { afterAll, describe, expect, test } from "bun:test"
import { llem, place, put, readJson, studyFolder } from "../lib/cli.ts"
import { docker } from "../lib/docker.ts"
import { begin, containersOf, endAll, leftOf, outcomes, resultsOf, studyText, until } from "../lib/dockerRun.ts"

afterAll(endAll)

const long = { n: 100, output: 60 }
const contained = (more: string, size: Parameters<typeof studyText>[1] = {}) => {
  const where = place()
  put(where, "study.yaml", studyText(`backend: embedded\nembedded: { threads: 1 }\nrunner: docker\n${more}`, size))
  return where
}

const two = "experiments: [{ random_seed: 1 }, { random_seed: 2 }]"

const isRunning = (id: string): boolean =>
  Bun.spawnSync(["docker", "inspect", "-f", "{{.State.Running}}", id]).stdout.toString().trim() === "true"

describe("docker kill in the window", () => {
  test("fails that cell with its exit code and log, and the study goes on", async () => {
    const where = contained(two, { n: 40, output: 60 })
    const run = begin(where, "run", "study.yaml", "--progress", "plain")
    await run.phase("window")
    const id = await run.container()
    docker("kill", id)
    const { code, stderr } = await run.ended()
    expect(code).toBe(1)
    expect(outcomes(where)).toEqual([
      ["failed", "DockerError.crash"],
      ["completed", null],
    ])
    const [failed, completed] = resultsOf(where)
    expect(failed.error.message).toBe("The embedded container was killed from outside (SIGKILL, exit code 137)")
    expect(failed.error.fix).toContain("docker kill")
    expect(failed.error.details).toMatchObject({ exit_code: 137, signal: "SIGKILL", oom_killed: false })
    expect(completed.runner.container_id).not.toBe(id)
    expect(stderr).toContain("killed from outside")
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)
})

describe("llem killed with kill -9", () => {
  for (const phase of ["launch", "load", "warmup", "window"])
    test(`in ${phase}: its container ends within 5 s, and the next run removes what is left`, async () => {
      const where = contained("", { ...long, warmup: 30 })
      const run = begin(where, "run", "study.yaml", "--progress", "none")
      await run.phase(phase)
      const id = phase === "launch" ? null : await run.container()
      run.kill("SIGKILL")
      await run.ended()
      const ended = () => containersOf(run.pid).every((one) => !isRunning(one))
      await until("the container's end", () => (ended() ? true : null), 5)
      if (id !== null) expect(leftOf(run.pid)).toContain(id)

      const next = await llem(place(), "run", "-m", "synthetic:15m", "--runner", "docker", "-n", "1", ...quick)
      expect(next.code).toBe(0)
      expect(leftOf(run.pid)).toEqual([])
    }, 60_000)

  test("doctor counts what is left, and removes it when asked to", async () => {
    const where = contained("", long)
    const run = begin(where, "run", "study.yaml", "--progress", "none")
    await run.phase("window")
    run.kill("SIGKILL")
    await run.ended()
    const seen = JSON.parse((await llem(place(), "doctor", "--json")).stdout).left_behind
    expect(seen.removed).toBe(false)
    expect(seen.containers).toBeGreaterThan(0)
    expect(leftOf(run.pid)).toHaveLength(2)
    const fixed = await llem(place(), "doctor", "--fix")
    expect(fixed.stdout).toMatch(/removed: \d+ containers and \d+ networks/)
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)
})

const quick = ["dataset.input_len=8", "dataset.output_len=2", "warmup.enabled=false", "baseline.enabled=false"].flatMap(
  (setting) => ["--set", setting],
)

describe("llem ended by a signal", () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    for (const phase of ["launch", "window"])
      test(`${signal} in ${phase}: exit ${code}, and everything is removed at once`, async () => {
        const where = contained(two, long)
        const run = begin(where, "run", "study.yaml", "--progress", "none")
        await run.phase(phase)
        if (phase === "window") await run.container()
        run.kill(signal)
        expect((await run.ended()).code).toBe(code)
        expect(leftOf(run.pid)).toEqual([])
        expect(readJson(`${studyFolder(where)}/manifest.json`).status).toBe("interrupted")
        expect(outcomes(where)).toEqual([
          ["interrupted", null],
          ["pending", null],
        ])
      }, 60_000)
})

describe("two runs on one daemon", () => {
  test("both complete, each in containers and a network of its own", async () => {
    const runs = [1, 2].map(() => {
      const where = contained(two, { n: 20, output: 40 })
      return { where, run: begin(where, "run", "study.yaml", "--progress", "none") }
    })
    const ids = await Promise.all(runs.map(({ run }) => run.container()))
    expect(new Set(ids).size).toBe(2)
    for (const { where, run } of runs) {
      expect((await run.ended()).code).toBe(0)
      expect(outcomes(where)).toEqual([
        ["completed", null],
        ["completed", null],
      ])
      expect(leftOf(run.pid)).toEqual([])
    }
  }, 60_000)
})
