import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { median, report } from "./_report.ts"

/**
 * What llem itself costs per cell: a study of one swept axis on the scripted executor with cells of no duration, large
 * against small, in interleaved rounds. Results go to memory (/dev/shm), where fsync is free; a round on disk beside
 * it shows what durability costs. Arguments: cells of the large study, of the small one, rounds.
 */
const large = Number(process.argv[2] ?? 10_000)
const small = Number(process.argv[3] ?? 100)
const rounds = Number(process.argv[4] ?? 3)
const smallPerRound = 5

const llem = resolve(import.meta.dir, "../../dist/llem")
const inMemory = existsSync("/dev/shm")
const memory = mkdtempSync(join(inMemory ? "/dev/shm" : tmpdir(), "llem-bookkeeping-"))
const disk = mkdtempSync(join(tmpdir(), "llem-bookkeeping-"))
if (!inMemory) console.log("no /dev/shm here: every figure includes fsync")

const script = join(disk, "mock.json")
const result = { energy_joules: 12.5, output_tokens: 100, duration_seconds: 10 }
writeFileSync(script, JSON.stringify({ default: { seconds: 0, outcome: "completed", result } }))

const studyOf = (cells: number): string => {
  const file = join(disk, `study-${cells}.yaml`)
  const values = Array.from({ length: cells }, (_, index) => index + 1).join(", ")
  const lines = [
    "name: bookkeeping",
    "model: synthetic:15m",
    "sweep:",
    `  random_seed: [${values}]`,
    "execution:",
    "  n_cycles: 1",
    "  cycle_order: sequential",
  ]
  writeFileSync(file, `${lines.join("\n")}\n`)
  return file
}

interface Cost {
  /** From the first event of the journal to the last, over the number of cells. */
  readonly dispatchMillis: number
  /** Of the whole process, over the number of cells: start-up, expansion, plan.json and the final table too. */
  readonly wholeMillis: number
}

const at = (line: string | undefined): number => Date.parse(JSON.parse(line ?? "{}").at)

const run = (cells: number, where: string): Cost => {
  const results = mkdtempSync(join(where, "run-"))
  const start = performance.now()
  const child = Bun.spawnSync([llem, "run", studyOf(cells), "-o", results, "--progress", "none"], {
    cwd: disk,
    env: { ...process.env, LLEM_EXECUTOR: `mock:${script}` },
    stdout: "ignore",
    stderr: "pipe",
  })
  const wholeMillis = (performance.now() - start) / cells
  if (child.exitCode !== 0)
    throw new Error(`llem run exited ${child.exitCode}: ${child.stderr.toString().slice(-2000)}`)
  const [folder] = [...new Bun.Glob("*/journal.ndjson").scanSync(results)]
  const lines = readFileSync(join(results, folder ?? "journal.ndjson"), "utf8")
    .trim()
    .split("\n")
  const completed = lines.filter((line) => line.includes('"cell_completed"')).length
  if (completed !== cells) throw new Error(`${completed} of ${cells} cells completed`)
  rmSync(results, { recursive: true, force: true })
  return { dispatchMillis: (at(lines.at(-1)) - at(lines[0])) / cells, wholeMillis }
}

try {
  const costs: Record<"large" | "small", Array<Cost>> = { large: [], small: [] }
  run(small, memory)
  for (let round = 0; round < rounds; round++) {
    for (let repeat = 0; repeat < smallPerRound; repeat++) costs.small.push(run(small, memory))
    costs.large.push(run(large, memory))
  }
  const onDisk = run(small, disk)
  const of = (name: "large" | "small", what: keyof Cost): number => median(costs[name].map((cost) => cost[what]))
  console.log(`medians of ${rounds} x ${smallPerRound} runs of ${small} cells and ${rounds} of ${large}, per cell:`)
  console.log(
    `  dispatch   ${of("small", "dispatchMillis").toFixed(3)} ms and ${of("large", "dispatchMillis").toFixed(3)} ms`,
  )
  console.log(
    `  everything ${of("small", "wholeMillis").toFixed(3)} ms and ${of("large", "wholeMillis").toFixed(3)} ms`,
  )
  console.log(`  dispatch of ${small} cells on disk, with fsync: ${onDisk.dispatchMillis.toFixed(3)} ms`)
  report([
    {
      figure: `cost per cell at ${large} cells over that at ${small}`,
      value: of("large", "dispatchMillis") / of("small", "dispatchMillis"),
      goal: 1.2,
      unit: "x",
    },
    { figure: `cost per cell at ${large} cells`, value: of("large", "dispatchMillis"), goal: 1, unit: "ms" },
  ])
} finally {
  rmSync(memory, { recursive: true, force: true })
  rmSync(disk, { recursive: true, force: true })
}
