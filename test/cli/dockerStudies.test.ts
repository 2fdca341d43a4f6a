import { beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { llem, place, put, readJson, results, studyFolder } from "../lib/cli.ts"
import { docker, llamaImage } from "../lib/docker.ts"
import { binary } from "../lib/env.ts"

const common = `model: synthetic:15m
n: 2
max_input_tokens: 32
max_output_tokens: 16
warmup: {n_warmup: 1, thermal_floor_seconds: 0}
baseline: {enabled: false}
`
const once = "execution: {n_cycles: 1, cycle_order: sequential, experiment_gap_seconds: 0}\n"

const two = (more: string) => `name: two
${common}sweep: {backend: [embedded, llamacpp]}
${once}${more}`

let image = ""
beforeAll(() => {
  image = llamaImage()
})

/** Mode, image and status of each cell's result, in the order of their folders. */
const outcomes = (study: string) =>
  Object.values(results(study)).map(({ runner, status, engine }) => [engine?.name, runner.mode, runner.image, status])

describe("a study of two backends", () => {
  test("goes to Docker as a whole, says so in one line, and measures in containers", async () => {
    const where = place()
    put(where, "two.yaml", two(`images: {llamacpp: ${image}}\n`))
    const ran = await llem(where, "run", "two.yaml", "--progress", "plain")
    expect(ran.code).toBe(0)
    const said = ran.stderr.split("\n").filter((line) => line.includes("Auto-elevating"))
    expect(said).toHaveLength(1)
    expect(said[0]).toEndWith(
      "info: Multi-backend study detected (embedded, llamacpp). Auto-elevating all backends to Docker for isolation.",
    )
    const study = studyFolder(where)
    expect(outcomes(study)).toEqual([
      ["embedded", "docker", expect.stringContaining("llem-embedded:"), "completed"],
      ["llamacpp", "docker", image, "completed"],
    ])
    for (const result of Object.values(results(study))) {
      expect(result.throughput.output_tokens).toBe(32)
      expect(result.runner.network).toBe("private")
    }
    const [, llama] = Object.values(results(study))
    expect(llama.runner.image_digest).toBe(docker("image", "inspect", "-f", "{{.Id}}", image))
  })

  test("keeps what a person decided, and warns of the mixture once", async () => {
    const where = place()
    put(where, "two.yaml", two(`images: {llamacpp: ${image}}\nrunners: {embedded: local, llamacpp: docker}\n`))
    const ran = await llem(where, "run", "two.yaml", "--progress", "plain")
    expect(ran.code).toBe(0)
    expect(ran.stderr.match(/Mixed runners detected/g)).toHaveLength(1)
    expect(outcomes(studyFolder(where))).toEqual([
      ["embedded", "local", null, "completed"],
      ["llamacpp", "docker", image, "completed"],
    ])
  })

  test("skips the backend that is not here, completes the other, and ends with 1", async () => {
    const where = place()
    put(
      where,
      "two.yaml",
      two("runner: local\n")
        .replace("llamacpp]", "vllm]")
        .replace("model: synthetic:15m", "model: {gguf: 'synthetic:15m', hf: org/m}"),
    )
    const ran = await llem(where, "run", "two.yaml", "--progress", "plain")
    expect(ran.code).toBe(1)
    expect(ran.stderr.split("\n").filter((line) => line.includes("error: vllm cannot run here"))).toHaveLength(1)
    const entries = readJson(join(studyFolder(where), "manifest.json")).entries
    expect(entries.map((entry: { backend: string; status: string }) => [entry.backend, entry.status])).toEqual([
      ["embedded", "completed"],
      ["vllm", "skipped"],
    ])
  })

  test("is one PreFlightError without a daemon, and nothing runs", async () => {
    const where = place({ DOCKER_HOST: "unix:///nowhere.sock" })
    put(where, "two.yaml", two(`images: {llamacpp: ${image}}\n`))
    const ran = await llem(where, "run", "two.yaml")
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain("Multi-backend study requires Docker isolation. Found backends: embedded, llamacpp.")
    expect(ran.stderr).toContain("there is no Docker socket at /nowhere.sock (DOCKER_HOST)")
    expect(existsSync(join(where.directory, "results"))).toBe(false)
  })
})

test("a daemon that has no way to hand on GPUs refuses, and its refusal is the cell's error", async () => {
  const where = place()
  put(
    where,
    "gpu.yaml",
    `${common}backend: llamacpp\nrunner: docker\ndevices: ["GPU-0"]\nimages: {llamacpp: ${image}}\n`,
  )
  expect((await llem(where, "run", "gpu.yaml", "--progress", "none")).code).toBe(1)
  const [result] = Object.values(results(studyFolder(where)))
  expect(result.error.type).toBe("DockerError.gpu")
  expect(result.error.message).toContain("could not select device driver")
  expect(result.error.fix).toContain("nvidia-ctk")
})

describe("a bundle", () => {
  test("has the binary, the images and the data of a study, and runs from there with the same hash", async () => {
    const where = place()
    mkdirSync(join(where.directory, "data"))
    writeFileSync(join(where.directory, "data/prompts.jsonl"), '{"prompt": "one"}\n{"prompt": "two"}\n')
    put(where, "base.yaml", common)
    put(
      where,
      "study.yaml",
      `name: taken along\nbase: ./base.yaml\ndataset: data/prompts.jsonl # mine\nbackend: llamacpp\nrunner: docker\nimages: {llamacpp: ${image}}\n`,
    )
    const made = await llem(where, "bundle", "study.yaml", "-o", "b.tar")
    expect(made).toMatchObject({ code: 0, stdout: `${join(where.directory, "b.tar")}\n` })
    const there = place()
    Bun.spawnSync(["tar", "xf", join(where.directory, "b.tar")], { cwd: there.directory })
    const folder = join(there.directory, "taken-along")
    expect(readFileSync(join(folder, "study.yaml"), "utf8")).toContain("# mine")
    expect(Bun.file(join(folder, "llem")).size).toBe(Bun.file(binary()).size)
    const ran = Bun.spawnSync([join(folder, "run.sh"), "--progress", "none", "-q"], { env: { ...there.environment } })
    expect(ran.stderr.toString()).toBe("")
    expect(ran.exitCode).toBe(0)
    const study = studyFolder({ ...there, directory: folder })
    expect(outcomes(study)).toEqual([["llamacpp", "docker", image, "completed"]])
    const planned = JSON.parse((await llem(where, "plan", "study.yaml", "--json")).stdout)
    expect(readJson(join(study, "plan.json")).cells[0].hash).toBe(planned.cells[0].hash)
  })

  test("of a study whose files are not there is refused, and leaves nothing", async () => {
    const where = place()
    put(where, "study.yaml", "model: gone.gguf\nbackend: embedded\n")
    const made = await llem(where, "bundle", "study.yaml", "-o", "b.tar")
    expect(made.code).toBe(2)
    expect(made.stderr).toContain("gone.gguf")
    expect(existsSync(join(where.directory, "b.tar"))).toBe(false)
  })
})

describe("images", () => {
  test("are listed, saved and loaded; the same inputs make the same image", async () => {
    const where = place({ LLEM_IMAGE_LLAMACPP: image })
    expect((await llem(where, "images", "pull", "embedded")).code).toBe(0)
    const listed = JSON.parse((await llem(where, "images", "list", "--json")).stdout).images
    const embedded = listed.find((one: { backend: string }) => one.backend === "embedded")
    expect(embedded).toMatchObject({ present: true })
    expect(embedded.size_bytes).toBeLessThan(150e6)
    expect((await llem(where, "images", "save", "embedded", "llamacpp", "-o", "i.tar")).code).toBe(0)
    docker("image", "rm", "-f", embedded.image)
    expect((await llem(where, "images", "load", "i.tar")).code).toBe(0)
    expect(docker("image", "inspect", "-f", "{{.Id}}", embedded.image)).toBe(embedded.id)
    docker("image", "rm", "-f", embedded.image)
    const elsewhere = place({ LLEM_CACHE_DIR: join(where.directory, "other-cache") })
    const again = await llem(elsewhere, "images", "pull", "embedded")
    expect(again.stdout.trim()).toBe(`${embedded.image}  ${embedded.id}  made`)
  })
})
