import { describe, expect, test } from "bun:test"
import type { DomainSeries } from "../../src/domain/Energy.ts"
import * as EnergyFigures from "../../src/harness/EnergyFigures.ts"
import type { Observation } from "../../src/harness/Observation.ts"
import { cost, steady } from "./observation.ts"

const span = { startSeconds: 10, endSeconds: 20 }

const metering = (
  series: ReadonlyArray<DomainSeries>,
  over: Partial<Observation["metering"]> = {},
): Observation["metering"] => ({ off: false, domains: series, series, cost, baseline: [], baselineWhy: null, ...over })

const idle = (domain: string, watts: number) => ({ domain, watts, overSeconds: 30, measuredAtSeconds: 0 })
const first = steady(50, 0, 30)
const second = steady(80, 0, 30, { domain: "cpu:package-1" })

describe("energy figures", () => {
  test("each domain is adjusted by its own baseline, and by none where it has none", () => {
    const baseline = [idle("cpu:package-1", 30), idle("cpu:package-0", 20)]
    const dram = steady(5, 0, 30, { domain: "dram:0", nestedIn: "cpu:package-0" })
    const { figures, unavailable } = EnergyFigures.of(metering([first, second, dram], { baseline }), span)
    expect(figures.domains.map((one) => one.baseline_watts)).toEqual([20, 30, null])
    expect(figures.domains[0]?.adjusted_joules).toBeCloseTo(300, 6)
    expect(figures.domains[1]?.adjusted_joules).toBeCloseTo(500, 6)
    expect(figures.domains[2]?.adjusted_joules).toBeNull()
    expect(unavailable["energy.domains.2.adjusted_joules"]).toBe("its idle power was not measured")
    expect(figures.total_joules).toBeCloseTo(1300, 6)
    expect(figures.total_scope).toEqual(["cpu:package-0", "cpu:package-1"])
  })

  test("a domain that gave no samples is listed, and missing from the total", () => {
    const { figures } = EnergyFigures.of(metering([first], { domains: [first, second] }), span)
    expect(figures.domains.map((one) => one.quality)).toEqual(["measured", "unavailable"])
    expect(figures.total_missing).toEqual([{ domain: "cpu:package-1", why: "it gave no samples" }])
    expect(figures.total_joules).toBeCloseTo(500, 6)
  })

  test("energy at the edges is what the steps leave open, of the summed domains alone and without their accuracy", () => {
    const slow = steady(50, 0.5, 40.5, { relativeUncertainty: 0.1 }, 1)
    const nested = steady(5000, 0.5, 40.5, { domain: "dram:0", nestedIn: "cpu:package-0" }, 1)
    const open = EnergyFigures.edgeJoules(metering([slow, nested]), span, ["cpu:package-0"])
    // Two edges, each somewhere within a step of 50 J: sqrt(2 * 50^2 / 12).
    expect(open).toBeCloseTo(Math.sqrt((2 * 50 ** 2) / 12), 6)
    expect(EnergyFigures.edgeJoules(metering([slow]), span, [])).toBeNull()
  })

  test("samples are counted in the sparsest summed domain, and must reach over both edges in each", () => {
    const sparse = steady(80, 0, 30, { domain: "cpu:package-1" }, 1)
    const scope = ["cpu:package-0", "cpu:package-1"]
    const covered = EnergyFigures.coverage(metering([first, sparse]), span, scope)
    expect(covered).toMatchObject({ samplesInWindow: 11, coversWindow: true })
    const late = steady(50, 10.1, 30)
    const early = steady(50, 0, 19.9)
    for (const cut of [late, early]) {
      expect(EnergyFigures.coverage(metering([cut]), span, scope).coversWindow).toBe(false)
      expect(EnergyFigures.coverage(metering([cut, sparse]), span, ["cpu:package-1"]).coversWindow).toBe(true)
    }
  })
})
