import { describe, expect, test } from "bun:test"
import * as Metrics from "../../src/engines/embedded/Metrics.ts"

const counts = {
  active: 2,
  queued: 3,
  steps: 10,
  prefillTokens: 100,
  decodedTokens: 60,
  generatedTokens: 65,
  contextTokens: 80,
  cachedTokens: 0,
}
const limits = { contextPerSequence: 256, contextTokens: 1024, batchTokens: 64, sequences: 4 }

describe("metrics", () => {
  test("every one has its help, its type and its values, in the format of Prometheus", () => {
    const text = Metrics.render(new Map([["completed", 7]]), { counts, limits })
    const blocks = text.trimEnd().split(/\n(?=# HELP )/)
    for (const block of blocks)
      expect(block).toMatch(
        /^# HELP (llem_engine_[a-z_]+) [^\n]+\n# TYPE \1 (counter|gauge)(\n\1(\{[a-z]+="[a-z]+"\})? [0-9.e-]+)+$/,
      )
    for (const block of blocks) if (block.includes(" counter\n")) expect(block).toMatch(/_total(\{| )/)
    expect(text).toContain('llem_engine_requests_total{outcome="completed"} 7\n')
    expect(text).toContain('llem_engine_requests_total{outcome="failed"} 0\n')
    expect(text).toContain("llem_engine_batch_fill_ratio 0.25\n")
    expect(text).toContain("llem_engine_kv_cache_used_tokens 80\n")
    expect(text).toContain("llem_engine_kv_cache_size_tokens 1024\n")
  })

  test("without a model, those of the server alone", () => {
    const text = Metrics.render(new Map(), null)
    expect(text).toContain("llem_engine_model_loaded 0\n")
    expect(text).not.toContain("steps")
  })

  test("no step yet is no fill", () => {
    const none = Metrics.render(new Map(), { counts: { ...counts, steps: 0 }, limits })
    expect(none).toContain("llem_engine_batch_fill_ratio 0\n")
  })
})
