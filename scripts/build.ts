import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { pack } from "./pack.ts"
import { compile } from "./release/compile.ts"
import { writeLicenses } from "./release/licenses.ts"
import { engineFolder, hostVariant, type Variant, variants } from "./release/targets.ts"

const root = resolve(import.meta.dir, "..")
mkdirSync(join(root, "dist"), { recursive: true })

const built = async (variant: Variant, outfile: string): Promise<void> => {
  await compile(variant, outfile)
  console.log(`${outfile} ${(Bun.file(outfile).size / 1e6).toFixed(1)} MB`)
}

/** What goes into binaries: the engine of each variant and the licences of everything. */
const prepare = async (those: ReadonlyArray<Variant>): Promise<void> => {
  for (const variant of those) await pack(variant, engineFolder(variant))
  await writeLicenses()
}

try {
  const first = process.argv[2]
  await prepare(first === "--all" ? variants : [hostVariant])
  if (first === "--all") for (const variant of variants) await built(variant, join(root, "dist", `llem-${variant}`))
  else await built(hostVariant, first ?? join(root, "dist/llem"))
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : String(cause))
  process.exit(1)
}
