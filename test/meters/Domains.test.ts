import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import type { DomainEnergy } from "../../src/domain/Energy.ts"
import { baselineWatts, domainEnergy, total, unavailableEnergy } from "../../src/meters/Domains.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { seriesOf } from "./series.ts"

const energy = (domain: string, joules: number | null, over: Partial<DomainEnergy> = {}): DomainEnergy => ({
  domain,
  meter: "test",
  quality: joules === null ? "unavailable" : "measured",
  nestedIn: null,
  inTotal: true,
  why: joules === null ? `no ${domain}` : null,
  relativeUncertainty: 0,
  joules,
  uncertaintyJoules: joules === null ? null : 3,
  baselineWatts: null,
  adjustedJoules: null,
  ...over,
})

describe("the total", () => {
  test("sums packages, DRAM and GPUs, and neither what lies within them nor the platform", () => {
    const result = total([
      energy("psys", 1000, { inTotal: false }),
      energy("cpu:package-0", 100, { nestedIn: "psys" }),
      energy("cpu:core-0", 60, { nestedIn: "cpu:package-0", inTotal: false }),
      energy("dram:0", 20),
      energy("gpu:A", 500),
    ])
    expect(result).toEqual({
      totalJoules: 620,
      uncertaintyJoules: Math.sqrt(27),
      quality: "measured",
      scope: ["cpu:package-0", "dram:0", "gpu:A"],
      missing: [],
    })
  })

  test("takes the estimate only where no package is measured", () => {
    const estimate = energy("cpu:engine-processes", 40, { quality: "estimated", nestedIn: "cpu:package-0" })
    expect(total([energy("cpu:package-0", 100), estimate])).toMatchObject({ totalJoules: 100, quality: "measured" })
    expect(total([energy("cpu:package-0", null), estimate])).toMatchObject({
      totalJoules: 40,
      quality: "estimated",
      scope: ["cpu:engine-processes"],
      missing: [{ domain: "cpu:package-0", why: "no cpu:package-0" }],
    })
  })

  test("is null without one of the engine's GPUs, or without anything", () => {
    const without = total([energy("cpu:package-0", 100), energy("gpu:A", null)])
    expect(without).toMatchObject({ totalJoules: null, uncertaintyJoules: null, quality: "unavailable", scope: [] })
    expect(without.missing).toEqual([{ domain: "gpu:A", why: "no gpu:A" }])
    expect(total([])).toMatchObject({ totalJoules: null, quality: "unavailable" })
    expect(total([energy("dram:0", 5), energy("cpu:package-0", null)])).toMatchObject({ totalJoules: 5 })
  })

  test("domains that name each other as outer do not hang it", () => {
    const result = total([energy("a", 1, { nestedIn: "b" }), energy("b", 2, { nestedIn: "a", inTotal: false })])
    expect(result.totalJoules).toBe(1)
  })

  // A forest of domains: each may lie within one that comes before it.
  const Forest = Schema.Array(
    Schema.Struct({
      outer: Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: 10 })),
      joules: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
      inTotal: Schema.Boolean,
    }),
  )
  prop(
    "never holds a domain and one within it, and leaves out nothing without a word",
    arbitraryOf(Forest),
    (forest) => {
      const domains = forest.map(({ outer, joules, inTotal }, index) =>
        energy(`d${index}`, joules, { inTotal, nestedIn: outer >= 0 && outer < index ? `d${outer}` : null }),
      )
      const { scope, missing, totalJoules } = total(domains)
      const outersOf = (name: string): ReadonlyArray<string> => {
        const outer = domains.find((entry) => entry.domain === name)?.nestedIn ?? null
        return outer === null ? [] : [outer, ...outersOf(outer)]
      }
      for (const name of scope) expect(outersOf(name).filter((outer) => scope.includes(outer))).toEqual([])
      for (const entry of domains.filter(({ inTotal }) => inTotal)) {
        const told =
          scope.includes(entry.domain) ||
          missing.some(({ domain }) => domain === entry.domain) ||
          outersOf(entry.domain).some((outer) => scope.includes(outer))
        expect(told).toBe(true)
      }
      const sum = domains
        .filter(({ domain }) => scope.includes(domain))
        .reduce((all, { joules }) => all + (joules ?? 0), 0)
      expect(totalJoules).toBe(scope.length === 0 ? null : sum)
    },
  )
})

describe("one domain", () => {
  const series = seriesOf(Array.from({ length: 101 }, (_, index) => [index / 10, index * 2]))

  test("energy above the baseline is signed", () => {
    const span = { startSeconds: 2, endSeconds: 4 }
    expect(domainEnergy(series, span, 5).adjustedJoules).toBeCloseTo(30, 9)
    expect(domainEnergy(series, span, 30).adjustedJoules).toBeCloseTo(-20, 9)
    expect(domainEnergy(series, span, null).adjustedJoules).toBeNull()
    expect("timesSeconds" in domainEnergy(series, span, null)).toBe(false)
  })

  test("a span that is not covered makes it unavailable with the reason", () => {
    expect(domainEnergy(series, { startSeconds: 8, endSeconds: 12 }, 5)).toMatchObject({
      quality: "unavailable",
      joules: null,
      adjustedJoules: null,
      why: "the last sample came 2.000 s before the span's end",
    })
    expect(unavailableEnergy({ ...series, why: null }, "not sampled")).toMatchObject({
      joules: null,
      why: "not sampled",
    })
  })

  test("the baseline is the mean power of the idle span, or what the source knows by construction", () => {
    expect(baselineWatts(series, { startSeconds: 1, endSeconds: 3 })).toBeCloseTo(20, 9)
    expect(baselineWatts(series, { startSeconds: 1, endSeconds: 30 })).toBeNull()
    expect(baselineWatts(series, null)).toBeNull()
    expect(baselineWatts({ ...series, idleWatts: 0 }, null)).toBe(0)
  })
})
