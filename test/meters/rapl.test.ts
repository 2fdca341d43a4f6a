import { describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { probe } from "../../src/meters/rapl.ts"
import { live } from "../lib/effect.ts"
import { projectRoot } from "../lib/env.ts"
import { temporaryDirectory, twoSockets, writePowercap } from "./tree.ts"

const summary = (root: string) =>
  probe(root).map(({ info, source }) => [info.domain, info.quality, info.nestedIn, info.inTotal, source !== null])

describe("RAPL zones", () => {
  live("two sockets under a platform domain: numbered by package, not by zone, and nested as the hardware is", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, twoSockets)
      expect(summary(root)).toEqual([
        ["cpu:package-1", "measured", "psys", true, true],
        ["dram:1", "measured", null, true, true],
        ["cpu:package-0", "measured", "psys", true, true],
        ["dram:0", "measured", null, true, true],
        ["cpu:core-0", "measured", "cpu:package-0", false, true],
        ["cpu:uncore-0", "measured", "cpu:package-0", false, true],
        ["psys", "measured", null, false, true],
      ])
      expect(probe(root)[1]?.source).toEqual({
        kind: "counter_file",
        path: join(root, "class/powercap/intel-rapl:0:0/energy_uj"),
        joulesPerUnit: 1e-6,
        wrapsAt: 65_532_610_987,
        maxWatts: 5000,
      })
    }),
  )

  live("the control type itself and the MMIO view of the same socket are no domains", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, {
        "intel-rapl": { name: "control", energy: "1" },
        "intel-rapl-mmio:0": { name: "package-0", energy: "1" },
        "intel-rapl:0": { name: "package-0", energy: "1" },
      })
      expect(summary(root)).toEqual([["cpu:package-0", "measured", null, true, true]])
    }),
  )

  live("two zones of one name stay two domains", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, {
        "intel-rapl:0": { name: "package-0", energy: "1" },
        "intel-rapl:1": { name: "package-0", energy: "1" },
      })
      expect(summary(root).map(([domain]) => domain)).toEqual(["cpu:package-0", "cpu:package-0#2"])
    }),
  )

  live("what is no number is no energy, and a range that is missing means no wrap", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, {
        "intel-rapl:0": { name: "package-0", energy: "none" },
        "intel-rapl:1": { name: "package-1", energy: "5", range: "0" },
      })
      const [broken, good] = probe(root)
      expect(broken?.source).toBeNull()
      expect(broken?.info.why).toContain('holds "none"')
      expect(good?.source).toMatchObject({ wrapsAt: null })
    }),
  )

  live("a tree without zones names each socket as missing; a masked one says so", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      expect(summary(root)).toEqual([["cpu:package-0", "unavailable", null, true, false]])
      for (const [cpu, socket] of [0, 0, 1, 1].entries()) {
        const topology = join(root, `devices/system/cpu/cpu${cpu}/topology`)
        mkdirSync(topology, { recursive: true })
        writeFileSync(join(topology, "physical_package_id"), `${socket}\n`)
      }
      expect(summary(root).map(([domain]) => domain)).toEqual(["cpu:package-0", "cpu:package-1"])
      expect(probe(root)[0]?.info.why).toContain("has no RAPL zone")
      // Docker mounts an empty tmpfs over the directory that the class's links point to.
      mkdirSync(join(root, "class/powercap/intel-rapl:0"), { recursive: true })
      expect(probe(root)[0]?.info.why).toContain("masked")
    }),
  )

  live("a counter that only root may read is unavailable, with the ways to allow it", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, { "intel-rapl:0": { name: "package-0", energy: "1" } })
      const energyFile = join(root, "class/powercap/intel-rapl:0/energy_uj")
      chmodSync(energyFile, 0o000)
      // Root without its capabilities is refused like anybody else.
      const unprivileged = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : []
      const script = `import { probe } from ${JSON.stringify(join(projectRoot, "src/meters/rapl.ts"))}
        console.log(JSON.stringify(probe(${JSON.stringify(root)})))`
      const child = Bun.spawnSync([...unprivileged, process.execPath, "-e", script])
      expect(child.stderr.toString()).toBe("")
      const [domain] = JSON.parse(child.stdout.toString())
      expect(domain).toMatchObject({
        info: { domain: "cpu:package-0", quality: "unavailable", inTotal: true },
        source: null,
      })
      expect(domain.info.why).toContain(`chmod a+r ${energyFile}`)
      expect(domain.info.why).toContain("CVE-2020-8694")
    }),
  )

  test("this machine, whatever it is: every domain can be read or says why not", () => {
    const found = probe("/sys")
    expect(found.length).toBeGreaterThan(0)
    for (const { info, source } of found) expect(info.why === null).toBe(source !== null)
  })
})
