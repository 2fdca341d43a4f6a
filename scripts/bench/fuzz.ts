import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fuzzed } from "../../test/cli/fuzz.ts"
import { report } from "./_report.ts"

/** Damaged study files through the binary: no stack trace, no exit code outside the contract. */
const files = Number(process.argv[2] ?? 2000)
const llem = resolve(import.meta.dir, "../../dist/llem")
const work = mkdtempSync(join(tmpdir(), "llem-fuzz-"))
writeFileSync(join(work, "mock.json"), "{}")
writeFileSync(join(work, "other.yaml"), "n: 3\n")
const environment = { PATH: "/usr/bin:/bin", HOME: work, LLEM_EXECUTOR: "mock:mock.json" }
const codes = new Map<number, number>()
let bad = 0
for (let number = 0; number < files; number++) {
  writeFileSync(join(work, "study.yaml"), fuzzed(number))
  const ran = Bun.spawnSync([llem, "plan", "study.yaml", "--json"], { cwd: work, env: environment })
  codes.set(ran.exitCode, (codes.get(ran.exitCode) ?? 0) + 1)
  if (![0, 2].includes(ran.exitCode) || /\n\s+at .*\d+:\d+/.test(ran.stderr.toString())) {
    bad++
    console.log(`file ${number}, exit code ${ran.exitCode}: ${ran.stderr.toString().split("\n")[0]}`)
  }
}
rmSync(work, { recursive: true, force: true })
console.log(`${files} files; exit codes: ${[...codes].map(([code, count]) => `${code} ${count} times`).join(", ")}`)
report([{ figure: "files outside the contract", value: bad, goal: 0, unit: "files" }])
