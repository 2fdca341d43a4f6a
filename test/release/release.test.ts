import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { natives } from "../../scripts/release/natives.ts"
import { bundled } from "../../scripts/release/packages.ts"
import { variants } from "../../scripts/release/targets.ts"
import { projectRoot, quick, released } from "../lib/env.ts"

/** The processor's number in the header of a program. */
const machines = { "linux-x64": 0x3e, "linux-arm64": 0xb7 } as const

const bytesOf = (name: string): Buffer => readFileSync(released(name))
const asset = (variant: string): Buffer => readFileSync(join(projectRoot, "assets", `engine-${variant}.zst`))

interface Component {
  readonly "bom-ref": string
  readonly name: string
  readonly version?: string
  readonly hashes?: ReadonlyArray<{ readonly alg: string; readonly content: string }>
  readonly licenses: ReadonlyArray<unknown>
}

interface Document {
  readonly bomFormat: string
  readonly specVersion: string
  readonly components: ReadonlyArray<Component>
  readonly dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: ReadonlyArray<string> }>
}

const sbom = (): Document => JSON.parse(bytesOf("llem.cdx.json").toString())

describe.skipIf(quick)("a release", () => {
  test("sha256sum finds every file as it was made", () => {
    const folder = dirname(released("SHA256SUMS"))
    const ran = Bun.spawnSync(["sha256sum", "--strict", "-c", "SHA256SUMS"], { cwd: folder })
    expect(ran.stdout.toString().trim().split("\n").sort()).toEqual(
      ["llem-linux-arm64: OK", "llem-linux-x64: OK", "llem.1: OK", "llem.cdx.json: OK"].sort(),
    )
    expect(ran.exitCode).toBe(0)
  })

  test("each binary is for its processor and has that processor's engine inside, and no folder of the build machine", () => {
    for (const variant of variants) {
      const bytes = bytesOf(`llem-${variant}`)
      expect(bytes.subarray(0, 4).toString("latin1")).toBe("\u007fELF")
      expect(bytes.readUInt16LE(18)).toBe(machines[variant])
      const inside = variants.filter((one) => bytes.includes(asset(one)))
      expect(inside).toEqual([variant])
      expect(bytes.includes(projectRoot)).toBe(false)
    }
  })

  test("the manual page is the one that llem prints", () => {
    const ran = Bun.spawnSync([released("llem-linux-x64"), "man"])
    expect(bytesOf("llem.1").toString()).toBe(ran.stdout.toString())
  })
})

describe.skipIf(quick)("its bill of materials", () => {
  test("has the binaries with their sha256, and everything that is in them with version and licence", async () => {
    const { bomFormat, specVersion, components } = sbom()
    expect([bomFormat, specVersion]).toEqual(["CycloneDX", "1.6"])
    for (const variant of variants) {
      const found = components.find(({ name }) => name === `llem-${variant}`)
      const sha256 = createHash("sha256")
        .update(bytesOf(`llem-${variant}`))
        .digest("hex")
      expect(found?.hashes).toEqual([{ alg: "SHA-256", content: sha256 }])
    }
    const said = new Set(components.map(({ name, version }) => `${name}@${version ?? null}`))
    for (const { name, version } of [...(await bundled()), ...natives()]) expect(said).toContain(`${name}@${version}`)
    for (const name of ["@oven/bun-linux-aarch64", "@node-llama-cpp/linux-arm64"])
      expect(components.find((one) => one.name === name)?.hashes?.[0]?.content).toMatch(/^[0-9a-f]{128}$/)
    expect(components.filter(({ licenses }) => licenses.length === 0)).toEqual([])
  })

  test("every reference leads somewhere, once, and nothing tells when it was made", () => {
    const document = sbom()
    const references = document.components.map((one) => one["bom-ref"])
    expect(new Set(references).size).toBe(references.length)
    const reached = document.dependencies.flatMap(({ dependsOn }) => dependsOn)
    expect(references.filter((one) => !reached.includes(one))).toEqual([])
    expect(reached.filter((one) => !references.includes(one))).toEqual([])
    expect(JSON.stringify(document)).not.toMatch(/timestamp|\d{4}-\d{2}-\d{2}T/)
  })
})
