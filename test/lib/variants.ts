import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { packed } from "../../src/platform/engineAssets.ts"

const { manifest } = packed

/** What the build of a variant says of itself. */
export const metadata = (gpu: "cuda" | "vulkan" | false = "vulkan", release = manifest.llamaCpp): string =>
  JSON.stringify({ buildOptions: { gpu, platform: "linux", arch: "x64", llamaCpp: { release } } })

/** A folder as npm unpacks a variant, with these files where its libraries are; gives that inner folder too. */
export const variantPackage = (files: Readonly<Record<string, string>>, version = manifest.packageVersion) => {
  const folder = mkdtempSync(join(tmpdir(), "llem-variant-"))
  const libraries = join(folder, "bins", "linux-x64-vulkan")
  mkdirSync(libraries, { recursive: true, mode: 0o755 })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@node-llama-cpp/linux-x64-vulkan", version }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(libraries, name), text, { mode: 0o644 })
  return { folder, libraries }
}

/** A junk addon that says it is a Vulkan build of the right version. */
export const junk = { "llama-addon.node": "junk", "_nlcBuildMetadata.json": metadata() }

/** A script that stands in for llem's binary. */
export const standInFor = (script: string): ReadonlyArray<string> => {
  const path = join(mkdtempSync(join(tmpdir(), "llem-standin-")), "llem")
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return [path]
}
