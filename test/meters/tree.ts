import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

/** One zone of powercap as the kernel shows it. */
export interface ZoneFiles {
  readonly name: string
  readonly energy: string
  readonly range?: string
}

/** Writes a sysfs tree with these zones (`intel-rapl:0`, ...) under a root. */
export const writePowercap = (root: string, zones: Readonly<Record<string, ZoneFiles>>): void => {
  for (const [entry, zone] of Object.entries(zones)) {
    const directory = join(root, "class/powercap", entry)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "name"), `${zone.name}\n`)
    writeFileSync(join(directory, "energy_uj"), `${zone.energy}\n`)
    writeFileSync(join(directory, "max_energy_range_uj"), `${zone.range ?? "262143328850"}\n`)
  }
}

/** A directory of its own, gone when the scope closes. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "llem-meters-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

/** A two-socket server with DRAM, and a platform domain. */
export const twoSockets: Readonly<Record<string, ZoneFiles>> = {
  "intel-rapl:0": { name: "package-1", energy: "111000000" },
  "intel-rapl:0:0": { name: "dram", energy: "5000000", range: "65532610987" },
  "intel-rapl:1": { name: "package-0", energy: "222000000" },
  "intel-rapl:1:0": { name: "dram", energy: "6000000", range: "65532610987" },
  "intel-rapl:1:1": { name: "core", energy: "7000000" },
  "intel-rapl:1:2": { name: "uncore", energy: "0" },
  "intel-rapl:2": { name: "psys", energy: "900000000" },
}
