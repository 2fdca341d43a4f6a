import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { compile } from "./compile.ts"
import * as Sbom from "./sbom.ts"
import { hostVariant, variants } from "./targets.ts"

const sha256 = (file: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex")

/** The manual page, as the binary for this machine prints it. */
const manual = (binary: string): string => {
  const ran = Bun.spawnSync([binary, "man"], { stdout: "pipe", stderr: "pipe" })
  if (ran.exitCode !== 0) throw new Error(`${binary} man: ${ran.stderr.toString()}`)
  return ran.stdout.toString()
}

/** Makes everything that a release consists of in a folder; gives the names of its files. */
export const release = async (folder: string): Promise<ReadonlyArray<string>> => {
  const binaries: Array<Sbom.Binary> = []
  for (const variant of variants) {
    const name = `llem-${variant}`
    await compile(variant, join(folder, name))
    binaries.push({ variant, name, sha256: sha256(join(folder, name)) })
  }
  writeFileSync(join(folder, "llem.1"), manual(join(folder, `llem-${hostVariant}`)))
  writeFileSync(join(folder, "llem.cdx.json"), `${JSON.stringify(await Sbom.document(binaries), null, 2)}\n`)
  const names = [...binaries.map(({ name }) => name), "llem.1", "llem.cdx.json"].sort()
  const sums = names.map((name) => `${sha256(join(folder, name))}  ${name}\n`)
  writeFileSync(join(folder, "SHA256SUMS"), sums.join(""))
  return [...names, "SHA256SUMS"]
}
