import { expect, test } from "bun:test"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { place, put, readJson, start, studyFolder } from "../lib/cli.ts"
import { docker, makeImage } from "../lib/docker.ts"

const canary = "hf_canary-4711-of-the-test"

const everyFile = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

const study = (image: string, launchSeconds: number) => `name: secrets
model: synthetic:15m
backend: llamacpp
runner: docker
images: {llamacpp: ${image}}
n: 1
baseline: {enabled: false}
execution: {timeouts: {launch_seconds: ${launchSeconds}}}
`

test("a secret reaches the engine, and nothing that llem or Docker shows or writes", async () => {
  const image = makeImage("llem-test/canary:1", "server", {
    server: 'echo "reversed $(echo "$HF_TOKEN" | rev)"; env; echo "token: $HF_TOKEN"; sleep 1000',
  })
  const where = place({ HF_TOKEN: canary })
  put(where, "study.yaml", study(image, 3))
  const running = start(where, ["run", "study.yaml", "--progress", "plain"])
  const seen: Array<string> = []
  while (running.exitCode === null && seen.length === 0) {
    const [id = ""] = docker("ps", "-q", "--filter", "label=io.llem.study=secrets").split("\n")
    if (id !== "") seen.push(docker("inspect", id), docker("top", id, "-o", "pid,args"))
    else await Bun.sleep(50)
  }
  const [stdout, stderr] = await Promise.all([
    new Response(running.stdout).text(),
    new Response(running.stderr).text(),
    running.exited,
  ])
  expect(running.exitCode).toBe(1)
  const [entry] = readJson(join(studyFolder(where), "manifest.json")).entries
  expect(entry).toMatchObject({ status: "failed", error_type: "DockerError.timeout" })
  const files = everyFile(where.directory)
  const log = files.find((file) => file.endsWith("engine.log")) ?? ""
  expect(readFileSync(log, "utf8")).toContain(`reversed ${[...canary].reverse().join("")}`)
  expect(readFileSync(log, "utf8")).toContain("token: ***")
  expect(seen).toHaveLength(2)
  expect(files.length).toBeGreaterThan(4)
  for (const text of [stdout, stderr, ...seen, ...files.map((file) => readFileSync(file, "latin1"))])
    expect(text).not.toContain(canary)
}, 60_000)

test("a log that never ends is kept to its limit, and the cell ends by its own", async () => {
  const image = makeImage("llem-test/flood:1", "server", {
    server: "yes flood-of-words-flood-of-words-flood | head -c 1000000000; sleep 1000",
  })
  const where = place()
  put(where, "study.yaml", study(image, 15))
  const running = start(where, ["run", "study.yaml", "--progress", "none", "-q"])
  let most = 0
  while (running.exitCode === null) {
    const status = await Bun.file(`/proc/${running.pid}/status`)
      .text()
      .catch(() => "")
    most = Math.max(most, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0))
    await Bun.sleep(100)
  }
  expect(running.exitCode).toBe(1)
  const log = everyFile(where.directory).find((file) => file.endsWith("engine.log")) ?? ""
  expect(statSync(log).size).toBeGreaterThan(60 * 2 ** 20)
  expect(statSync(log).size).toBeLessThan(65 * 2 ** 20)
  expect(most).toBeLessThan(500_000)
}, 120_000)
