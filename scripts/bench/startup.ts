import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { median, report } from "./_report.ts"

/** Start-up against an empty program compiled with the same flags, in interleaved rounds. */
const rounds = Number(process.argv[2] ?? 40)
const root = resolve(import.meta.dir, "../..")
const work = mkdtempSync(join(tmpdir(), "llem-startup-"))
writeFileSync(join(work, "empty.ts"), "export {}\n")
const empty = join(work, "empty")
const flags = ["build", "--compile", "--minify", "--bytecode", "--format=esm", "--target=bun-linux-x64"]
Bun.spawnSync([process.execPath, ...flags, join(work, "empty.ts"), "--outfile", empty])
const study = join(work, "study.yaml")
writeFileSync(study, "name: small\nmodel: synthetic:15m\nsweep:\n  embedded.batch_size: [1, 2, 4]\n")

const llem = join(root, "dist/llem")
const commands: Record<string, ReadonlyArray<string>> = {
  empty: [empty],
  version: [llem, "--version"],
  plan: [llem, "plan", study, "--json"],
}
const times: Record<string, Array<number>> = { empty: [], version: [], plan: [] }
for (let round = 0; round < rounds + 3; round++) {
  for (const [name, command] of Object.entries(commands)) {
    const start = performance.now()
    const run = Bun.spawnSync([...command], { cwd: work, stdout: "pipe", stderr: "pipe" })
    const elapsed = performance.now() - start
    if (run.exitCode !== 0) throw new Error(`${name} exited ${run.exitCode}: ${run.stderr.toString()}`)
    if (round >= 3) times[name]?.push(elapsed)
  }
}
rmSync(work, { recursive: true, force: true })
const of = (name: string): number => median(times[name] ?? [])
console.log(
  `medians of ${rounds}: empty ${of("empty").toFixed(1)} ms, --version ${of("version").toFixed(1)} ms, plan ${of("plan").toFixed(1)} ms`,
)
report([
  { figure: "--version over an empty program", value: of("version") / of("empty"), goal: 2, unit: "x" },
  { figure: "plan of a small file over --version", value: of("plan") - of("version"), goal: 100, unit: "ms" },
])
