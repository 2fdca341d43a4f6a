import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { entrypoints, external } from "./compile.ts"

const root = resolve(import.meta.dir, "../..")

/** A package that the bundler took code from. */
export interface Package {
  readonly name: string
  readonly version: string
  /** SPDX identifier or expression. */
  readonly license: string
  readonly text: string
  /** sha512 of its archive as the lockfile has it, `sha512-<base64>`. */
  readonly integrity: string
}

const folderOf = (file: string): string | null => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? null

const licenseOf = (manifest: { license?: unknown; licenses?: unknown }): string | null => {
  if (typeof manifest.license === "string") return manifest.license
  const [first] = Array.isArray(manifest.licenses) ? manifest.licenses : []
  return typeof first?.type === "string" ? first.type : null
}

/** The text for a package that carries none, else null. */
const substitute = (name: string): string | null => {
  try {
    return readFileSync(join(import.meta.dir, "texts", `${name}.txt`), "utf8")
  } catch {
    return null
  }
}

const textOf = (folder: string, name: string): string => {
  const files = readdirSync(folder)
    .filter((file) => /^(licen[sc]e|copying|notice)([.-].*)?$/i.test(file))
    .sort()
  const texts = files.map((file) => readFileSync(join(folder, file), "utf8").trim())
  const text = texts.length > 0 ? texts.join("\n\n") : substitute(name)
  if (text === null) throw new Error(`${name} carries no licence text: put one into scripts/release/texts/${name}.txt`)
  return text.trim()
}

const lockfile = (): ReadonlyMap<string, string> => {
  const lock = Bun.JSONC.parse(readFileSync(join(root, "bun.lock"), "utf8"))
  const entries: ReadonlyArray<ReadonlyArray<unknown>> = Object.values(Object(Reflect.get(Object(lock), "packages")))
  return new Map(entries.map((entry) => [String(entry[0]), String(entry[3])]))
}

/** The packages in the bundle, by name: whatever the bundler read, also where only a part of it was kept. */
export const bundled = async (): Promise<ReadonlyArray<Package>> => {
  const built = await Bun.build({
    entrypoints: [...entrypoints],
    target: "bun",
    splitting: true,
    metafile: true,
    root,
    external: [...external, "#*"],
  })
  const inputs = Object.keys(built.metafile?.inputs ?? {})
  if (inputs.length === 0) throw new Error("the bundler did not say what it read")
  const folders = [...new Set(inputs.flatMap((file) => folderOf(resolve(root, file)) ?? []))]
  const hashes = lockfile()
  return folders
    .map((folder): Package => {
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
      const { name, version } = manifest
      const license = licenseOf(manifest)
      const integrity = hashes.get(`${name}@${version}`)
      if (license === null || integrity === undefined) throw new Error(`${folder} has no licence or is not in bun.lock`)
      return { name, version, license, text: textOf(folder, name), integrity }
    })
    .sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1))
}
