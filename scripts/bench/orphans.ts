import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { report } from "./_report.ts"

/** Runs killed with SIGKILL at random moments, and what of them is left ten seconds later. */
const runs = Number(process.argv[2] ?? 100)
const llem = resolve(import.meta.dir, "../../dist/llem")
const work = mkdtempSync(join(tmpdir(), "llem-orphans-"))
mkdirSync(join(work, "home"))
writeFileSync(
  join(work, "study.yaml"),
  `name: orphans
model: synthetic:15m
backend: embedded
runner: docker
dataset: { n: 4, input_len: 32, output_len: 32, seed: 42 }
warmup: { n_warmup: 1, thermal_floor_seconds: 0 }
baseline: { enabled: false }
execution: { n_cycles: 20 }
`,
)
const environment = { PATH: "/usr/bin:/bin", HOME: join(work, "home"), TMPDIR: join(work, "tmp") }
mkdirSync(environment.TMPDIR)

const docker = (...args: ReadonlyArray<string>): ReadonlyArray<string> =>
  Bun.spawnSync(["docker", ...args])
    .stdout.toString()
    .split("\n")
    .filter((line) => line !== "")
const processes = (): ReadonlyArray<string> =>
  Bun.spawnSync(["pgrep", "-f", "__engine --model"])
    .stdout.toString()
    .split("\n")
    .filter((line) => line !== "")

const count = () => ({
  running: docker("ps", "-q", "--filter", "label=io.llem.owner").length,
  containers: docker("ps", "-aq", "--filter", "label=io.llem.owner").length,
  networks: docker("network", "ls", "-q", "--filter", "label=io.llem.owner").length,
  volumes: docker("volume", "ls", "-q", "--filter", "name=llem-").length,
  processes: processes().length,
  folders: readdirSync(environment.TMPDIR).length,
})

const first = Bun.spawnSync([llem, "run", "study.yaml", "--cycles", "1", "--progress", "none", "-q"], {
  cwd: work,
  env: environment,
})
if (first.exitCode !== 0) throw new Error(first.stderr.toString())
const before = count()
let seed = 42
const random = (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
  return seed / 2 ** 31
}
for (let run = 0; run < runs; run++) {
  const child = Bun.spawn([llem, "run", "study.yaml", "--progress", "none", "-q"], {
    cwd: work,
    env: environment,
    stdout: "ignore",
    stderr: "ignore",
  })
  await Bun.sleep(100 + random() * 4000)
  child.kill("SIGKILL")
  await child.exited
}
await Bun.sleep(10_000)
const after = count()
Bun.spawnSync([llem, "doctor", "--fix"], { cwd: work, env: environment })
const fixed = count()
rmSync(work, { recursive: true, force: true })
console.log(`${runs} runs killed. Before: ${JSON.stringify(before)}`)
console.log(`ten seconds later:  ${JSON.stringify(after)}`)
console.log(`after doctor --fix: ${JSON.stringify(fixed)}`)
/** Running containers are among all of them. */
const things = ({ running: _running, ...others }: typeof before): number =>
  Object.values(others).reduce((sum, value) => sum + value, 0)
const left = (counted: typeof before): number => things(counted) - things(before)
report([
  {
    figure: "running containers and processes",
    value: after.running + after.processes - before.running - before.processes,
    goal: 0,
    unit: "",
  },
  { figure: "left after doctor --fix", value: left(fixed), goal: 0, unit: "" },
])
