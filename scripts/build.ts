import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { reasonOf } from "../src/domain/Unknown.ts"
import { pack } from "./pack.ts"
import { compile } from "./release/compile.ts"
import { writeLicenses } from "./release/licenses.ts"
import { release } from "./release/release.ts"
import { engineFolder, hostVariant, type Variant, variants } from "./release/targets.ts"

const dist = resolve(import.meta.dir, "../dist")
mkdirSync(dist, { recursive: true })

/** What goes into binaries: the engine of each variant, and the licences of everything. */
const prepare = async (those: ReadonlyArray<Variant>): Promise<void> => {
  for (const variant of those) await pack(variant, engineFolder(variant))
  await writeLicenses()
}

/** `--all` makes a release; otherwise a binary for this machine, in the file that is named or dist/llem. */
const build = async (argument: string | undefined): Promise<ReadonlyArray<string>> => {
  if (argument === "--all") {
    await prepare(variants)
    return (await release(dist)).map((name) => join(dist, name))
  }
  await prepare([hostVariant])
  const outfile = argument ?? join(dist, "llem")
  await compile(hostVariant, outfile)
  return [outfile]
}

try {
  const files = await build(process.argv[2])
  for (const file of files) {
    const { size } = Bun.file(file)
    console.log(`${file} ${size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`}`)
  }
} catch (cause) {
  console.error(reasonOf(cause))
  process.exit(1)
}
