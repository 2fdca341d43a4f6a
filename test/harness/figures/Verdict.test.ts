import { describe, expect, test } from "bun:test"
import { type Evidence, judge, rules } from "../../../src/harness/figures/Verdict.ts"

const good: Evidence = {
  mock: false,
  requests: 100,
  failedRequests: 0,
  firstFailure: null,
  windowSeconds: 60,
  meteringOff: false,
  energy: { totalJoules: 1000, quality: "measured", why: null, edgeJoules: 1 },
  sampling: { sampleHz: 10, samplesInWindow: 600, gapMaxSeconds: 0.11, coversWindow: true },
  client: { cpuShare: 0.05, sendLatenessP99Seconds: 0.0005 },
  thermalFloorSeconds: 60,
  shortOutputs: 0,
  longInputs: 0,
}

const off: Partial<Evidence> = {
  meteringOff: true,
  energy: { totalJoules: null, quality: "unavailable", why: "metering is off", edgeJoules: null },
  sampling: null,
}

const sampling = { sampleHz: 10, samplesInWindow: 600, gapMaxSeconds: 0.11, coversWindow: true }

/** What changes, the codes of reasons and of warnings, and what the first message says. */
const table: ReadonlyArray<[string, Partial<Evidence>, ReadonlyArray<string>, ReadonlyArray<string>, RegExp]> = [
  ["a mock", { mock: true }, ["mock"], [], /nothing was measured/],
  [
    "nothing succeeded",
    { failedRequests: 100, firstFailure: "connect: refused" },
    ["no_successful_request"],
    [],
    /connect: refused/,
  ],
  ["nothing was sent", { requests: 0 }, ["no_successful_request"], [], /none was sent/],
  [
    "some failed",
    { failedRequests: 3, firstFailure: "http_500: oops" },
    ["failed_requests"],
    [],
    /3 of 100 .*3\.0 %.*http_500/,
  ],
  [
    "no total",
    { energy: { ...good.energy, totalJoules: null, why: "gpu:1 was lost" } },
    ["energy_unavailable"],
    [],
    /gpu:1 was lost/,
  ],
  ["metering off", off, [], ["no_energy"], /Metering is off/],
  ["an estimate", { energy: { ...good.energy, quality: "estimated" } }, [], ["energy_estimated"], /estimated/],
  ["an edge without sample", { sampling: { ...sampling, coversWindow: false } }, ["window_not_covered"], [], /edges/],
  [
    "a coarse meter",
    { energy: { ...good.energy, edgeJoules: 60 } },
    ["window_too_short_for_meter"],
    [],
    /6\.0 %.*5\.0 %/,
  ],
  [
    "a busy client",
    { client: { cpuShare: 0.93, sendLatenessP99Seconds: 0 } },
    ["client_saturated"],
    [],
    /93\.0 %.*80\.0 %/,
  ],
  ["a late client", { client: { cpuShare: 0, sendLatenessP99Seconds: 0.2 } }, ["client_late"], [], /200\.0 ms/],
  [
    "a slightly late client",
    { client: { cpuShare: 0, sendLatenessP99Seconds: 0.02 } },
    [],
    ["client_lateness"],
    /20\.0 ms/,
  ],
  ["a short window", { windowSeconds: 9.5 }, [], ["short_window"], /9\.500 s/],
  ["few samples", { sampling: { ...sampling, samplesInWindow: 4 } }, [], ["low_sample_count"], /Only 4/],
  ["a gap", { sampling: { ...sampling, gapMaxSeconds: 0.5 } }, [], ["sampler_gap"], /500\.0 ms.*300\.0 ms/],
  ["a short floor", { thermalFloorSeconds: 5 }, [], ["thermal_floor_short"], /5 s.*30 s/],
  ["no floor asked", { thermalFloorSeconds: null }, [], [], /^/],
  ["short outputs", { shortOutputs: 2 }, [], ["output_shorter"], /2 of 100/],
  ["long prompts", { longInputs: 7 }, [], ["input_longer"], /7 of 100/],
]

describe("verdict", () => {
  test("a good result is valid and has nothing said of it", () => {
    expect(judge(good)).toEqual({ valid: true, reasons: [], warnings: [] })
  })

  for (const [name, change, reasons, warnings, message] of table)
    test(name, () => {
      const verdict = judge({ ...good, ...change })
      expect(verdict.reasons.map((finding) => finding.code)).toEqual([...reasons])
      expect(verdict.warnings.map((finding) => finding.code)).toEqual([...warnings])
      expect(verdict.valid).toBe(reasons.length === 0)
      expect([...verdict.reasons, ...verdict.warnings][0]?.message ?? "").toMatch(message)
    })

  test("every rule has a code of its own and fires in the table above", () => {
    const fired = new Set(table.flatMap(([, , reasons, warnings]) => [...reasons, ...warnings]))
    expect([...fired].toSorted()).toEqual(rules.map((rule) => rule.code).toSorted())
  })

  test("a limit is still allowed, and measured value and limit stand beside the message", () => {
    expect(judge({ ...good, windowSeconds: 10, thermalFloorSeconds: 30 }).warnings).toEqual([])
    const [finding] = judge({ ...good, windowSeconds: 2 }).warnings
    expect(finding).toMatchObject({ measured: 2, limit: 10 })
  })
})
