import { describe, expect, test } from "bun:test"
import * as Throughput from "../../../src/harness/figures/Throughput.ts"
import { streamed } from "./records.ts"

describe("goodput", () => {
  test("a request of one token has no TPOT and meets any limit on it; its other limits hold", () => {
    const window = { startSeconds: 0, endSeconds: 4 }
    const goodput = (slo: Record<string, number>) =>
      Throughput.of([streamed(0, 0, [2]), streamed(1, 0, [1, 4])], window, slo).figures.goodput_requests_per_second
    expect(goodput({ tpot_seconds: 1 })).toBe(1 / 4)
    expect(goodput({ tpot_seconds: 1, ttft_seconds: 1 })).toBe(0)
    expect(goodput({ tpot_seconds: 3 })).toBe(2 / 4)
  })
})
