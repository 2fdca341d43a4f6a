import { afterAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { llem, place, put, readJson, studyFolder } from "../lib/cli.ts"
import { docker } from "../lib/docker.ts"
import { begin, endAll, journal, leftOf, outcomes, resultsOf, studyText } from "../lib/dockerRun.ts"

afterAll(endAll)

/** Long enough that somebody can look in while it is measured. */
const seen = { n: 40, output: 60 }

const settings = [
  "dataset.input_len=16",
  "dataset.output_len=60",
  "warmup.n_warmup=1",
  "warmup.thermal_floor_seconds=0",
  "baseline.enabled=false",
  "embedded.threads=1",
].flatMap((setting) => ["--set", setting])

describe("an experiment in a container", () => {
  for (const [name, args] of [
    ["from flags alone", ["-m", "synthetic:15m", "-b", "embedded", "--runner", "docker", "-n", "40", ...settings]],
    ["from a file without a sweep", ["study.yaml"]],
  ] as const)
    test(`${name}: the process that answers is the container's, and the result says which`, async () => {
      const where = place()
      put(where, "study.yaml", studyText("backend: embedded\nembedded: { threads: 1 }\nrunner: docker", seen))
      const run = begin(where, "run", ...args, "--progress", "none")
      await run.phase("window")
      const id = await run.container()
      const pid = docker("inspect", "-f", "{{.State.Pid}}", id)
      expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(id)
      const image = docker("image", "inspect", "-f", "{{.Id}}", docker("inspect", "-f", "{{.Image}}", id))
      expect(journal(where).at(-1)).toMatchObject({ phase: "window" })
      const { code } = await run.ended()
      expect(code).toBe(0)
      expect(leftOf(run.pid)).toEqual([])
      expect(outcomes(where)).toEqual([["completed", null]])

      const [result] = resultsOf(where)
      expect(result.throughput).toMatchObject({ requests: 40, failed_requests: 0, output_tokens: 2400 })
      expect(result.runner).toEqual({
        mode: "docker",
        image: expect.stringMatching(/^llem-embedded:/),
        image_digest: image,
        container_id: id,
        network: "private",
      })
      const cells = join(studyFolder(where), "cells")
      const environment = readJson(join(cells, readdirSync(cells)[0] ?? "", "environment.json"))
      expect(environment.container).toEqual({
        id,
        image: result.runner.image,
        image_digest: image,
        image_id: image,
        network: "private",
        docker_version: docker("version", "-f", "{{.Server.Version}}"),
      })
      expect(environment.engine.version).toBe(result.engine.version)
    }, 60_000)

  test("the same one as a process of this node: same hash, same output, no container", async () => {
    const where = place()
    put(where, "study.yaml", studyText("backend: embedded\nembedded: { threads: 1 }"))
    const [inside, outside] = await Promise.all(
      ["docker", "local"].map(async (runner) => {
        const ran = await llem(where, "run", "study.yaml", "--runner", runner, "-o", runner, "--json")
        expect(ran.code).toBe(0)
        return JSON.parse(ran.stdout).results[0]
      }),
    )
    expect(outside.runner).toEqual({
      mode: "local",
      image: null,
      image_digest: null,
      container_id: null,
      network: null,
    })
    expect(inside.runner.mode).toBe("docker")
    expect(outside.experiment.hash).toBe(inside.experiment.hash)
    expect(outside.output.sha256).toBe(inside.output.sha256)
    expect(outside.engine.version).toBe(inside.engine.version)
  }, 60_000)
})
