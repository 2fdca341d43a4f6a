import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { compile } from "./release/compile.ts"
import { hostVariant, variants } from "./release/targets.ts"

const root = resolve(import.meta.dir, "..")
mkdirSync(join(root, "dist"), { recursive: true })

const built = async (variant: (typeof variants)[number], outfile: string): Promise<void> => {
  await compile(variant, outfile)
  console.log(`${outfile} ${(Bun.file(outfile).size / 1e6).toFixed(1)} MB`)
}

try {
  const first = process.argv[2]
  if (first === "--all") for (const variant of variants) await built(variant, join(root, "dist", `llem-${variant}`))
  else await built(hostVariant, first ?? join(root, "dist/llem"))
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : String(cause))
  process.exit(1)
}
