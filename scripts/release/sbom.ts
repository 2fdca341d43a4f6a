import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { type Native, natives } from "./natives.ts"
import { bundled, type Package } from "./packages.ts"
import { bunPackage, type Variant } from "./targets.ts"

const root = resolve(import.meta.dir, "../..")
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

const hex = (integrity: string): string => Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex")

/** npm's purl: the scope's @ is escaped, its slash is not. */
const npm = (name: string, at: string): string => `pkg:npm/${name.replace(/^@/, "%40")}@${at}`

const licenses = (license: string) => (/\s/.test(license) ? [{ expression: license }] : [{ license: { id: license } }])

const library = (name: string, at: string, license: string, integrity: string) => ({
  type: "library",
  "bom-ref": npm(name, at),
  name,
  version: at,
  hashes: [{ alg: "SHA-512", content: hex(integrity) }],
  licenses: licenses(license),
  purl: npm(name, at),
})

const native = ({ name, version: at, license, purl }: Native) => ({
  type: name === "bun" ? "platform" : "library",
  "bom-ref": purl,
  name,
  ...(at === null ? {} : { version: at }),
  licenses: licenses(license),
  purl,
})

/** What was fetched for one variant: Bun's runtime and the engine's libraries, with the sha512 of their archives. */
const carriers = (variant: Variant) => {
  const lock = Bun.JSONC.parse(readFileSync(join(import.meta.dir, "targets/bun.lock"), "utf8"))
  const pinned = (name: string) => {
    const entry: ReadonlyArray<unknown> = Reflect.get(Object(Reflect.get(Object(lock), "packages")), name)
    const at = String(entry[0]).slice(name.length + 1)
    return library(name, at, "MIT", String(entry[3]))
  }
  return { bun: pinned(bunPackage[variant]), engine: pinned(`@node-llama-cpp/${variant}`) }
}

/** A finished binary. */
export interface Binary {
  readonly variant: Variant
  readonly name: string
  readonly sha256: string
}

/** A name for the document that follows from what is in it (a UUID of version 8). */
const serial = (content: unknown): string => {
  const digest = new Bun.CryptoHasher("sha256").update(JSON.stringify(content)).digest("hex")
  const at = (from: number, to: number) => digest.slice(from, to)
  return `urn:uuid:${at(0, 8)}-${at(8, 12)}-8${at(13, 16)}-a${at(17, 20)}-${at(20, 32)}`
}

/** The bill of materials of a release, CycloneDX 1.6: the same bytes from the same binaries and packages. */
export const document = async (binaries: ReadonlyArray<Binary>) => {
  const inside = natives()
  const packages: ReadonlyArray<Package> = await bundled()
  const common = packages.map((one) => library(one.name, one.version, one.license, one.integrity))
  const own = binaries.map((binary) => ({ binary, ...carriers(binary.variant) }))
  const fileOf = ({ name }: Binary) => `file:${name}`
  const refsWithin = (what: Native["within"]) => inside.filter(({ within }) => within === what).map(({ purl }) => purl)
  const components = [
    ...own.map(({ binary }) => ({
      type: "file",
      "bom-ref": fileOf(binary),
      name: binary.name,
      version,
      hashes: [{ alg: "SHA-256", content: binary.sha256 }],
      licenses: licenses("MIT"),
    })),
    ...own.flatMap(({ bun, engine }) => [bun, engine]),
    ...inside.map(native),
    ...common,
  ]
  const ref = `pkg:generic/llem@${version}`
  const dependencies = [
    { ref, dependsOn: own.map(({ binary }) => fileOf(binary)) },
    ...own.map(({ binary, bun, engine }) => ({
      ref: fileOf(binary),
      dependsOn: [bun["bom-ref"], engine["bom-ref"], ...common.map((one) => one["bom-ref"])],
    })),
    ...own.flatMap(({ bun, engine }) => [
      { ref: bun["bom-ref"], dependsOn: refsWithin("bun") },
      { ref: engine["bom-ref"], dependsOn: refsWithin("engine") },
    ]),
  ]
  const metadata = {
    component: { type: "application", "bom-ref": ref, name: "llem", version, licenses: licenses("MIT"), purl: ref },
  }
  const content = { metadata, components, dependencies }
  return { bomFormat: "CycloneDX", specVersion: "1.6", serialNumber: serial(content), version: 1, ...content }
}
