import { readdirSync } from "node:fs"
import { basename, join } from "node:path"

/** Runs the benchmarks of this folder, all of them or those named; each prints its own table and verdicts. */
const here = import.meta.dir
const known = readdirSync(here)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts" && !file.startsWith("_"))
  .map((file) => basename(file, ".ts"))
  .sort()
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}; there are: ${known.join(", ")}`)
  process.exit(2)
}
let failed = 0
for (const name of asked.length > 0 ? asked : known) {
  console.log(`\n== ${name}`)
  const run = Bun.spawnSync([process.execPath, join(here, `${name}.ts`)], { stdout: "inherit", stderr: "inherit" })
  if (run.exitCode !== 0) failed++
}
process.exit(failed === 0 ? 0 : 1)
