import { existsSync, mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { pack } from "./pack.ts"

const root = resolve(import.meta.dir, "..")
mkdirSync(join(root, "dist"), { recursive: true })
await pack("linux-x64")

const outfile = process.argv[2] ?? join(root, "dist/llem")
const args = [
  "build",
  "--compile",
  "--minify",
  "--bytecode",
  "--format=esm",
  "--splitting",
  "--target=bun-linux-x64",
  // Native parts of dockerode's ssh transport, which llem does not use and which are not built everywhere.
  "--external=cpu-features",
  join(root, "src/main.ts"),
  join(root, "src/sampler.ts"),
  "--outfile",
  outfile,
]
const build = Bun.spawnSync([process.execPath, ...args], { cwd: root, stdout: "pipe", stderr: "pipe" })
if (build.exitCode !== 0 || !existsSync(outfile)) {
  console.error(build.stdout.toString() + build.stderr.toString())
  process.exit(1)
}
console.log(`${outfile} ${(Bun.file(outfile).size / 1e6).toFixed(1)} MB`)
