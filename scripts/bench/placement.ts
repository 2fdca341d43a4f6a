import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { report } from "./_report.ts"

/**
 * The same experiment locally and in Docker, in pairs that take turns in going first. The relative difference of each
 * pair has a mean and a 95 % interval (Student); pairs are added until the interval is narrow enough.
 */
const least = Number(process.argv[2] ?? 20)
const most = Number(process.argv[3] ?? 80)
const goalHalfWidth = 2
const llem = resolve(import.meta.dir, "../../dist/llem")
const work = mkdtempSync(join(tmpdir(), "llem-placement-"))
mkdirSync(join(work, "home"))
writeFileSync(
  join(work, "study.yaml"),
  `name: placement
model: synthetic:110m
backend: embedded
dataset: { n: 12, input_len: 64, output_len: 64, seed: 42 }
warmup: { n_warmup: 2, thermal_floor_seconds: 0 }
baseline: { enabled: false }
embedded: { threads: 1, batch_size: 2 }
`,
)
const environment = { PATH: "/usr/bin:/bin", HOME: join(work, "home") }

interface Figures {
  readonly throughput: number
  readonly ttft: number
}

const run = (runner: "local" | "docker"): Figures => {
  const results = join(work, "results")
  rmSync(results, { recursive: true, force: true })
  const command = [llem, "run", "study.yaml", "--runner", runner, "--progress", "none", "-q"]
  const ran = Bun.spawnSync(command, { cwd: work, env: environment })
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString())
  const cells = join(results, readdirSync(results)[0] ?? "", "cells")
  const result = JSON.parse(readFileSync(join(cells, readdirSync(cells)[0] ?? "", "result.json"), "utf8"))
  if (result.runner.mode !== runner) throw new Error(`it ran in ${result.runner.mode}`)
  return { throughput: result.throughput.output_tokens_per_second, ttft: result.latency.ttft_seconds.mean }
}

/** Student's t at 97.5 % for many degrees of freedom, by the first terms of its expansion about the normal. */
const student = (degrees: number): number => {
  const z = 1.959964
  return z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2)
}

const interval = (values: ReadonlyArray<number>) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, half: student(values.length - 1) * Math.sqrt(variance / values.length) }
}

run("local")
run("docker")
const throughput: Array<number> = []
const ttft: Array<number> = []
const wide = () => [throughput, ttft].some((values) => interval(values).half > goalHalfWidth)
while (throughput.length < least || (throughput.length < most && wide())) {
  const dockerFirst = throughput.length % 2 === 0
  const first = run(dockerFirst ? "docker" : "local")
  const second = run(dockerFirst ? "local" : "docker")
  const [docker, local] = dockerFirst ? [first, second] : [second, first]
  throughput.push(100 * (docker.throughput / local.throughput - 1))
  ttft.push(100 * (docker.ttft / local.ttft - 1))
}
rmSync(work, { recursive: true, force: true })
const verdicts = [["throughput", interval(throughput)] as const, ["TTFT", interval(ttft)] as const].flatMap(
  ([figure, { mean, half }]) => {
    console.log(
      `${figure}: docker - local ${mean.toFixed(2)} % +- ${half.toFixed(2)} (95 %, ${throughput.length} pairs)`,
    )
    return [
      { figure: `${figure}, far end of the interval`, value: Math.abs(mean) + half, goal: 5, unit: "%" },
      { figure: `${figure}, half-width`, value: half, goal: goalHalfWidth, unit: "%" },
    ]
  },
)
report(verdicts)
