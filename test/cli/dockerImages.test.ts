import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { registry } from "../docker/registry.ts"
import { type Place, place, put, studyFolder } from "../lib/cli.ts"
import { docker, makeImage } from "../lib/docker.ts"
import { begin, endAll, journal, leftOf, outcomes, resultsOf, studyText, until } from "../lib/dockerRun.ts"

afterAll(endAll)

const settings = [
  "dataset.input_len=16",
  "dataset.output_len=16",
  "warmup.n_warmup=1",
  "warmup.thermal_floor_seconds=0",
  "baseline.enabled=false",
].flatMap((setting) => ["--set", setting])

describe("an image of somebody else's", () => {
  test("runs the embedded engine, though it has no library of its own", async () => {
    const image = makeImage("llem-test/bare:1", "sleep", {})
    const where = place()
    const args = ["-m", "synthetic:15m", "-n", "2", "--runner", `docker:${image}`, ...settings]
    const run = begin(where, "run", ...args, "--progress", "none")
    expect((await run.ended()).code).toBe(0)
    const [result] = resultsOf(where)
    expect(result.throughput).toMatchObject({ requests: 2, failed_requests: 0, output_tokens: 32 })
    expect(result.runner).toMatchObject({ mode: "docker", image, network: "private" })
    expect(result.runner.image_digest).toBe(docker("image", "inspect", "-f", "{{.Id}}", image))
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)

  test("that its registry does not have: the cell fails, and says to check the name and pull it", async () => {
    const ran = Effect.gen(function* () {
      const { address } = yield* registry()
      const image = `${address}/llem-test/missing:1`
      const where = place()
      const args = ["-m", "synthetic:15m", "-n", "2", "--runner", `docker:${image}`, ...settings]
      const run = begin(where, "run", ...args, "--progress", "plain")
      const { code, stderr } = yield* Effect.promise(run.ended)
      return { image, where, pid: run.pid, code, stderr }
    })
    const { image, where, pid, code, stderr } = await Effect.runPromise(Effect.scoped(ran))
    expect(code).toBe(1)
    expect(outcomes(where)).toEqual([["failed", "DockerError.image"]])
    const [{ error }] = resultsOf(where)
    expect(error.message).toMatch(/manifest.*unknown|not found/)
    expect(error.fix).toContain(`docker pull ${image}`)
    expect(stderr).toContain(`docker pull ${image}`)
    expect(leftOf(pid)).toEqual([])
  }, 60_000)

  test("two of them in one study: each cell has its own, and the one that is missing costs only its cell", async () => {
    const image = makeImage("llem-test/bare:1", "sleep", {})
    const where = place()
    const images = `{ embedded: "${image}", llamacpp: "localhost:1/llem-test/missing:1" }`
    put(where, "study.yaml", studyText(`sweep: { backend: [embedded, llamacpp] }\nimages: ${images}`))
    const run = begin(where, "run", "study.yaml", "--offline", "--progress", "none")
    expect((await run.ended()).code).toBe(1)
    expect(outcomes(where)).toEqual([
      ["completed", null],
      ["failed", "DockerError.image"],
    ])
    expect(resultsOf(where).map(({ runner }) => [runner.mode, runner.image])).toEqual([
      ["docker", image],
      ["docker", "localhost:1/llem-test/missing:1"],
    ])
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)

  for (const flags of [[], ["--offline"]])
    test(`that is not there${flags.length === 0 ? " and whose registry is out of reach" : ", and nothing may be fetched"}: the cell fails and says how to get it`, async () => {
      const image = "localhost:1/llem-test/missing:1"
      const where = place()
      const args = ["-m", "synthetic:15m", "-n", "2", "--runner", `docker:${image}`, ...settings]
      const run = begin(where, "run", ...args, ...flags, "--progress", "plain")
      const { code, stderr } = await run.ended()
      expect(code).toBe(1)
      const reason = flags.length === 0 ? "pull" : "image"
      expect(outcomes(where)).toEqual([["failed", `DockerError.${reason}`]])
      const [result] = resultsOf(where)
      const way = flags.length === 0 ? `llem images save ${image}` : `docker pull ${image}`
      expect(result.error.fix).toContain(way)
      expect(stderr).toContain(image)
      expect(leftOf(run.pid)).toEqual([])
    }, 60_000)
})

/** A study of llama-server cells in an image whose server is a script. */
const misbehaving = (image: string, more = "", execution = ""): Place => {
  const where = place()
  put(
    where,
    "study.yaml",
    studyText(`backend: llamacpp\nrunner: docker\nimages: { llamacpp: "${image}" }\n${more}`, { execution }),
  )
  return where
}

const engineLog = (where: Place): string => {
  const cells = join(studyFolder(where), "cells")
  return join(cells, readdirSync(cells).toSorted()[0] ?? "", "engine.log")
}

const server = (name: string, script: string): string =>
  makeImage(`llem-test/${name}:1`, "llama-server", { "llama-server": script })

describe("an engine that misbehaves in its container", () => {
  test("exits at once: its exit code and last words are in the error", async () => {
    const where = misbehaving(server("exits", "echo first words; echo last words >&2; exit 3"))
    const run = begin(where, "run", "study.yaml", "--progress", "none")
    expect((await run.ended()).code).toBe(1)
    expect(outcomes(where)).toEqual([["failed", "DockerError.crash"]])
    const [{ error }] = resultsOf(where)
    expect(error.message).toContain("exit code 3")
    expect(error.message).toContain("last words")
    expect(error.details).toMatchObject({ exit_code: 3, signal: null, log_tail: ["first words", "last words"] })
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)

  test("listens on another port: it is waited for as long as the study says", async () => {
    const image = server("port", "exec httpd -f -p 9 -h /")
    const where = misbehaving(image, "", ", timeouts: { launch_seconds: 2 }")
    const run = begin(where, "run", "study.yaml", "--progress", "none")
    expect((await run.ended()).code).toBe(1)
    expect(outcomes(where)).toEqual([["failed", "DockerError.timeout"]])
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)

  test("ignores SIGTERM: it is removed all the same", async () => {
    const image = server("stubborn", "trap '' TERM INT HUP\necho stubborn\nwhile true; do sleep 1; done")
    const where = misbehaving(image)
    const run = begin(where, "run", "study.yaml", "--progress", "none")
    await until("the engine's words", () => {
      const there = journal(where).some((event) => event["phase"] === "launch" || event["phase"] === "load")
      const log = there ? engineLog(where) : ""
      return existsSync(log) && readFileSync(log, "utf8").includes("stubborn") ? true : null
    })
    run.kill("SIGINT")
    expect((await run.ended()).code).toBe(130)
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)

  test("takes more memory than it may: the kernel's word for it", async () => {
    const image = server("hungry", "x=x; while true; do x=$x$x; done")
    const where = misbehaving(image, "", ", container: { memory: 64m }")
    const run = begin(where, "run", "study.yaml", "--progress", "none")
    expect((await run.ended()).code).toBe(1)
    expect(outcomes(where)).toEqual([["failed", "DockerError.oom"]])
    const [{ error }] = resultsOf(where)
    expect(error.fix).toContain("execution.container.memory")
    expect(leftOf(run.pid)).toEqual([])
  }, 60_000)
})
