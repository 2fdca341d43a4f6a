import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dir, "..")

/**
 * Packs the prebuilt llama.cpp libraries of one variant, from the folder of their package, into `assets/engine-<variant>.zst`, with a manifest beside it
 * that has each file's offset, size and sha256. Does nothing when the assets are there for the installed version.
 */
export const pack = async (variant: string, source: string): Promise<void> => {
  const bins = join(source, "bins", variant)
  const manifestPath = join(root, "assets", `engine-${variant}.json`)
  const blobPath = join(root, "assets", `engine-${variant}.zst`)
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"))
  if (
    existsSync(manifestPath) &&
    existsSync(blobPath) &&
    JSON.parse(readFileSync(manifestPath, "utf8")).packageVersion === version
  )
    return
  mkdirSync(join(root, "assets"), { recursive: true })
  const parts: Array<Uint8Array> = []
  const files: Array<{ name: string; offset: number; size: number; sha256: string }> = []
  let offset = 0
  for (const name of readdirSync(bins)
    .filter((file) => file.endsWith(".so") || file.endsWith(".node"))
    .sort()) {
    const bytes = readFileSync(join(bins, name))
    files.push({ name, offset, size: bytes.length, sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") })
    parts.push(bytes)
    offset += bytes.length
  }
  const blob = Bun.zstdCompressSync(Buffer.concat(parts), { level: 19 })
  const build = JSON.parse(readFileSync(join(bins, "_nlcBuildMetadata.json"), "utf8"))
  const id = new Bun.CryptoHasher("sha256").update(blob).digest("hex").slice(0, 16)
  writeFileSync(blobPath, blob)
  const manifest = {
    variant,
    id,
    addon: "llama-addon.node",
    packageVersion: version,
    llamaCpp: build.buildOptions.llamaCpp.release,
    files,
  }
  writeFileSync(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`)
  console.log(`packed ${variant}: ${files.length} files, ${(blob.length / 1e6).toFixed(1)} MB`)
}
