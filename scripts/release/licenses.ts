import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { natives } from "./natives.ts"
import { bundled } from "./packages.ts"

const root = resolve(import.meta.dir, "../..")

/**
 * Writes `assets/licenses.zst`, which `llem licenses` prints: llem itself, then what is inside by name. Equal texts
 * stand in it once.
 */
export const writeLicenses = async (): Promise<void> => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const own = { name: "llem", version, license: "MIT", text: readFileSync(join(root, "LICENSE"), "utf8").trim() }
  const inside = [...natives(), ...(await bundled())].sort((a, b) =>
    a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1,
  )
  const texts: Array<string> = []
  const indexOf = (text: string): number => {
    if (!texts.includes(text)) texts.push(text)
    return texts.indexOf(text)
  }
  const components = [own, ...inside].map((one) => ({
    name: one.name,
    version: one.version,
    license: one.license,
    text: indexOf(one.text),
  }))
  mkdirSync(join(root, "assets"), { recursive: true })
  const bytes = Buffer.from(JSON.stringify({ components, texts }))
  writeFileSync(join(root, "assets/licenses.zst"), Bun.zstdCompressSync(bytes, { level: 19 }))
}
