import { describe, expect, test } from "bun:test"
import * as ResultText from "../../src/report/ResultText.ts"
import { cell, result } from "../store/samples.ts"

const style = { width: 100, color: false, unicode: true }

describe("one result as text", () => {
  test("a valid measured cell", () => {
    expect(ResultText.render(result(cell(2)), style)).toBe(
      `#2 cycle 1: SmolLM2-135M-Instruct.Q4_1 on embedded (00000002)
✓ valid
! short_window: The window is shorter than 10 s

engine            embedded b1234, local
weights           Q4_1
window            3.2 s from 2026-03-01T10:00:00.000001Z
requests          20 (0 failed), 640 tokens in, 320 out
output speed      100.0 tokens/s
energy            64.00 J ± 1.3 J, measured (cpu:package-0)
per output token  200 mJ
per request       3.20 J

domain         meter  quality    energy  above idle  why
────────────────────────────────────────────────────────
cpu:package-0  rapl   measured  64.00 J     48.00 J
────────────────────────────────────────────────────────

latency        mean      p50      p90      p95      p99      max   n
────────────────────────────────────────────────────────────────────
TTFT        51.0 ms  50.0 ms  70.0 ms  75.0 ms  95.0 ms   100 ms  20
TPOT        8.67 ms  8.50 ms  11.9 ms  12.8 ms  16.2 ms  17.0 ms  20
ITL         8.57 ms  8.40 ms  11.8 ms  12.6 ms  16.0 ms  16.8 ms  20
end to end   204 ms   200 ms   280 ms   300 ms   380 ms   400 ms  20
────────────────────────────────────────────────────────────────────`,
    )
  })

  test("estimates carry their mark, absences their reason, an invalid verdict stands first", () => {
    const estimated = ResultText.render(result(cell(2), { quality: "estimated" }), style)
    expect(estimated).toContain("energy            ~64.00 J ± 1.3 J, estimated (cpu:package-0)")
    expect(estimated).toContain("per output token  ~200 mJ")
    expect(estimated).toContain("cpu:package-0  estimate  estimated  ~64.00 J    ~48.00 J  RAPL is not readable here")
    const absent = ResultText.render(
      result(cell(2), { quality: "unavailable", joulesPerToken: null, invalid: "throttled" }),
      style,
    )
    expect(absent.split("\n").slice(1, 3)).toEqual(["✗ NOT VALID", "✗ throttled: Because of throttled"])
    expect(absent).toContain("energy            – (cpu:package-0: RAPL is not readable here)")
    expect(absent).toContain("per output token  – (no energy)")
  })

  test("a failed cell shows its error and what to do, and no figures", () => {
    const failed = {
      ...result(cell(2)),
      status: "failed" as const,
      error: { type: "EngineError.oom", message: "It ran out of memory", fix: "Use a smaller model.", details: {} },
      verdict: { valid: false, reasons: [], warnings: [] },
      energy: null,
      latency: null,
    }
    expect(ResultText.render(failed, style)).toBe(
      `#2 cycle 1: SmolLM2-135M-Instruct.Q4_1 on embedded (00000002)
✗ FAILED: EngineError.oom: It ran out of memory
Use a smaller model.`,
    )
  })
})
