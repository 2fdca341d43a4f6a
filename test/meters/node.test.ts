import { describe, expect, test } from "bun:test"
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { energyOver } from "../../src/meters/Integrate.ts"
import { Meter, type MeterRequest, type MeterSession } from "../../src/meters/Meter.ts"
import { layer } from "../../src/meters/node.ts"
import { monotonicSeconds } from "../../src/platform/libc.ts"
import { live } from "../lib/effect.ts"
import { projectRoot, quick } from "../lib/env.ts"
import { temporaryDirectory, twoSockets, writePowercap } from "./tree.ts"

const open = (root: string, request: Partial<MeterRequest> = {}) =>
  Effect.gen(function* () {
    const meter = yield* Meter
    return yield* meter.open({ sampleHz: 100, gpuUuids: [], backend: "auto", ...request })
  }).pipe(Effect.provide(layer({ sysfsRoot: root })))

const zone = (root: string, entry: string) => join(root, "class/powercap", entry, "energy_uj")

/** Overwrites a counter in place, in one write, as a reader of sysfs would see it. */
const show = (file: string, microjoules: number) =>
  Effect.sync(() => {
    const fd = openSync(file, "r+")
    writeSync(fd, `${String(microjoules).padStart(20, "0")}\n`, 0)
    closeSync(fd)
  })

const seriesOf = (session: MeterSession, domain: string) =>
  Effect.gen(function* () {
    const { series } = yield* session.read
    const found = series.find((entry) => entry.domain === domain)
    if (found === undefined) throw new Error(`no series of ${domain}`)
    return found
  })

describe("the meters of a node", () => {
  live("values follow the files, wraps are unwrapped, raw values are kept", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, { "intel-rapl:0": { name: "package-0", energy: "65532000000", range: "65532610987" } })
      const session = yield* open(root)
      const file = zone(root, "intel-rapl:0")
      expect((yield* seriesOf(session, "cpu:package-0")).values.at(-1)).toBeCloseTo(65_532, 6)
      yield* show(file, 65_532_400_000)
      const before = yield* seriesOf(session, "cpu:package-0")
      expect(before.values.at(-1)).toBeCloseTo(65_532.4, 6)
      yield* show(file, 100_000)
      const after = yield* seriesOf(session, "cpu:package-0")
      expect(after.values.at(-1)).toBeCloseTo(65_532.610987 + 0.1, 6)
      expect(after.rawValues?.at(-1)).toBe(100_000)
      expect(after.breaks).toEqual([])
      expect(after.values.length).toBe(after.timesSeconds.length)
      const span = { startSeconds: before.timesSeconds[0] ?? 0, endSeconds: after.timesSeconds.at(-1) ?? 0 }
      expect(energyOver(after, span).joules).toBeCloseTo(0.710987, 6)
    }),
  )

  live("what was sampled before a span ended is read after it: every ended span is covered", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, twoSockets)
      const session = yield* open(root, { sampleHz: 10 })
      const endSeconds = monotonicSeconds()
      const { series, cost } = yield* session.read
      expect(series.map(({ domain }) => domain)).toContain("dram:1")
      for (const entry of series.filter(({ meter }) => meter === "rapl"))
        expect(entry.timesSeconds.at(-1)).toBeGreaterThanOrEqual(endSeconds)
      expect(cost.samples).toBeGreaterThanOrEqual(2)
      expect(cost.droppedSamples).toBe(0)
      expect(cost.cpuSeconds).toBeGreaterThan(0)
      expect(cost.priority).toMatch(/^(fifo:10|nice:-15|default)$/)
    }),
  )

  live(
    "a source whose kernel object goes away, one that is deleted and one that is emptied are lost; the rest goes on",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryDirectory
        writePowercap(root, twoSockets)
        // A number that the kernel serves, and that vanishes with its owner.
        const owner = Bun.spawn(["sleep", "100"])
        rmSync(zone(root, "intel-rapl:0"))
        symlinkSync(`/proc/${owner.pid}/timerslack_ns`, zone(root, "intel-rapl:0"))
        const session = yield* open(root)
        expect((yield* seriesOf(session, "cpu:package-1")).lostAtSeconds).toBeNull()
        const lostAfter = monotonicSeconds()
        owner.kill()
        yield* Effect.promise(() => owner.exited)
        rmSync(zone(root, "intel-rapl:1:1"))
        writeFileSync(zone(root, "intel-rapl:1:0"), "")
        const waitFor = (domain: string): Effect.Effect<void> =>
          Effect.gen(function* () {
            while ((yield* seriesOf(session, domain)).lostAtSeconds === null);
          })
        yield* Effect.forEach(["cpu:package-1", "cpu:core-0", "dram:0"], waitFor, { discard: true })
        const lost = yield* seriesOf(session, "cpu:package-1")
        expect(lost.lostAtSeconds).toBeGreaterThan(lostAfter)
        expect(lost.why).toContain("ESRCH")
        expect(energyOver(lost, { startSeconds: lostAfter - 0.01, endSeconds: monotonicSeconds() }).joules).toBeNull()
        expect((yield* seriesOf(session, "cpu:core-0")).why).toContain("ENOENT")
        const { series } = yield* session.read
        expect(
          series
            .filter(({ lostAtSeconds }) => lostAtSeconds !== null)
            .map(({ domain }) => domain)
            .sort(),
        ).toEqual(["cpu:core-0", "cpu:package-1", "dram:0"])
        yield* show(zone(root, "intel-rapl:1"), 333_000_000)
        expect((yield* seriesOf(session, "cpu:package-0")).values.at(-1)).toBeCloseTo(333, 6)
      }),
  )

  live("without RAPL the estimate stands in, as what it is", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const session = yield* open(root, { gpuUuids: ["GPU-1"] })
      expect(session.domains.map(({ domain, quality, inTotal }) => [domain, quality, inTotal])).toEqual([
        ["cpu:package-0", "unavailable", true],
        ["cpu:engine-processes", "estimated", true],
        ["gpu:GPU-1", "unavailable", true],
      ])
      expect(session.domains[1]?.why).toContain("8 W for each fully busy core")
      expect(session.domains[1]?.relativeUncertainty).toBe(0.4)
      expect(session.domains[2]?.why).toBe("no NVML meter in this build")
      expect((yield* seriesOf(session, "cpu:engine-processes")).values).toHaveLength(0)
      expect(yield* session.currentWatts).toBeNull()

      const busy = Bun.spawn(["sh", "-c", "while :; do :; done"])
      yield* Effect.addFinalizer(() =>
        Effect.promise(() => {
          busy.kill()
          return busy.exited
        }),
      )
      yield* session.watchProcesses([busy.pid])
      let watts: number | null = null
      while (watts === null || watts < 1) {
        yield* Effect.sleep("10 millis")
        watts = yield* session.currentWatts
      }
      expect(watts).toBeLessThan(8 * 1.5)
      const estimate = yield* seriesOf(session, "cpu:engine-processes")
      expect(estimate.quality).toBe("estimated")
      const [stat] = yield* Effect.promise(() => Bun.file(`/proc/${busy.pid}/stat`).text()).pipe(
        Effect.map((text) => [text.slice(text.lastIndexOf(")") + 2).split(" ")]),
      )
      const cpuSeconds = (Number(stat?.[11]) + Number(stat?.[12])) / 100
      expect(estimate.values.at(-1) ?? 0).toBeLessThanOrEqual(cpuSeconds * 8 + 1e-9)
      expect(estimate.values.at(-1) ?? 0).toBeGreaterThan(0)
    }),
  )

  live("where RAPL is readable the estimate is shown and not added", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, twoSockets)
      const session = yield* open(root)
      const estimate = session.domains.find(({ meter }) => meter === "estimate")
      expect(estimate).toMatchObject({ inTotal: false, nestedIn: "cpu:package-1", quality: "estimated" })
    }),
  )

  live("a backend that is named is used alone, or is an error that says what to do", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const failed = yield* Effect.flip(open(root, { backend: "rapl" }))
      expect(failed).toMatchObject({ _tag: "MeterError", reason: "unavailable" })
      expect(failed.message).toContain("has no RAPL zone")
      expect(failed.fix).toContain("auto")
      const unknown = yield* Effect.flip(open(root, { backend: "nvml" }))
      expect(unknown.fix).toContain("auto, rapl, estimate")
      const estimate = yield* open(root, { backend: "estimate" })
      expect(estimate.domains.map(({ domain }) => domain)).toEqual(["cpu:engine-processes"])
      writePowercap(root, twoSockets)
      const rapl = yield* open(root, { backend: "rapl" })
      expect(new Set(rapl.domains.map(({ meter }) => meter))).toEqual(new Set(["rapl"]))
      const none = yield* open(root, { backend: null, gpuUuids: ["GPU-1"] })
      expect(none.domains).toEqual([])
      expect((yield* none.read).series).toEqual([])
    }),
  )

  live("on this machine, as it is, metering opens and every domain is sampled or says why not", () =>
    Effect.gen(function* () {
      const session = yield* open("/sys")
      const { series } = yield* session.read
      const sampled = new Set(series.map(({ domain }) => domain))
      for (const info of session.domains) expect(sampled.has(info.domain) || info.why !== null).toBe(true)
      expect(series.length).toBeGreaterThan(0)
    }),
  )

  live("closing the session closes its files and ends its thread", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, twoSockets)
      const openFiles = () =>
        readdirSync("/proc/self/fd").flatMap((fd) => {
          try {
            return [readlinkSync(`/proc/self/fd/${fd}`)]
          } catch {
            return []
          }
        })
      const child = Bun.spawn(["sleep", "100"])
      const ours = () => openFiles().filter((path) => path.startsWith(root) || path === `/proc/${child.pid}/stat`)
      const cycle = Effect.scoped(
        Effect.gen(function* () {
          const session = yield* open(root)
          yield* session.watchProcesses([child.pid])
          let estimated = 0
          while (estimated === 0) estimated = (yield* seriesOf(session, "cpu:engine-processes")).values.length
          expect(ours().length).toBe(Object.keys(twoSockets).length + 1)
        }),
      )
      yield* Effect.repeat(cycle, { times: 2 })
      const after3 = openFiles().length
      yield* Effect.repeat(cycle, { times: 5 })
      expect(ours()).toEqual([])
      expect(openFiles().length).toBeLessThanOrEqual(after3 + 2)
      child.kill()
      yield* Effect.promise(() => child.exited)
    }),
  )
})

const program = (root: string) => `
import { startSampler } from ${JSON.stringify(join(projectRoot, "src/platform/sampler.ts"))}
const source = { kind: "counter_file", path: ${JSON.stringify(zone(root, "intel-rapl:0"))}, joulesPerUnit: 1, wrapsAt: null, maxWatts: 1 }
const sampler = await startSampler({ sources: [source], sampleHz: 100 })
console.log(sampler.snapshot().sources[0].values[0])
`

describe("the sampling thread", () => {
  live("does not keep a program alive that forgets it", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      writePowercap(root, { "intel-rapl:0": { name: "package-0", energy: "77" } })
      const child = Bun.spawn([process.execPath, "-e", program(root)], { stdout: "pipe" })
      expect(yield* Effect.promise(() => child.exited)).toBe(0)
      expect(yield* Effect.promise(() => child.stdout.text())).toBe("77\n")
    }),
  )

  test.skipIf(quick)(
    "starts from a compiled binary in an empty folder",
    () =>
      Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const root = yield* temporaryDirectory
            const elsewhere = yield* temporaryDirectory
            writePowercap(root, { "intel-rapl:0": { name: "package-0", energy: "77" } })
            writeFileSync(join(root, "main.ts"), program(root))
            writeFileSync(join(root, "sampler.ts"), `import ${JSON.stringify(join(projectRoot, "src/sampler.ts"))}`)
            const outfile = join(root, "program")
            const flags = ["--compile", "--minify", "--bytecode", "--format=esm", "--splitting"]
            const build = Bun.spawnSync(
              [
                process.execPath,
                "build",
                ...flags,
                join(root, "main.ts"),
                join(root, "sampler.ts"),
                "--outfile",
                outfile,
              ],
              { cwd: root },
            )
            expect(build.stderr.toString()).not.toContain("error")
            expect(existsSync(outfile)).toBe(true)
            const child = Bun.spawn([outfile], { cwd: elsewhere, env: { HOME: elsewhere }, stdout: "pipe" })
            expect(yield* Effect.promise(() => child.exited)).toBe(0)
            expect(yield* Effect.promise(() => child.stdout.text())).toBe("77\n")
          }),
        ),
      ),
    60_000,
  )
})
