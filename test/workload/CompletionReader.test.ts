import { describe, expect, test } from "bun:test"
import { CompletionReader } from "../../src/workload/CompletionReader.ts"

/** A chunk as llama-server streams it with `timings_per_token`. */
const chunk = (text: string, predicted: number, more: Record<string, unknown> = {}, finish: string | null = null) =>
  JSON.stringify({
    choices: [{ text, index: 0, logprobs: null, finish_reason: finish }],
    object: "text_completion",
    timings: { cache_n: 0, prompt_n: 5, prompt_ms: 18, predicted_n: predicted, predicted_ms: 9 },
    ...more,
  })

const usage = (output: number) => ({ usage: { prompt_tokens: 5, completion_tokens: output, total_tokens: 5 + output } })

const read = (events: ReadonlyArray<string>): CompletionReader => {
  const reader = new CompletionReader()
  for (const [at, event] of [...events, "[DONE]"].entries()) reader.event(event, at)
  reader.end()
  return reader
}

describe("llama-server's timings", () => {
  test("say how many tokens a chunk brought, also where a character took several", () => {
    const reader = read([chunk("ア", 2), chunk("ab", 3), chunk("ニ", 6), chunk("", 6, usage(6), "length")])
    expect(reader.failure).toBeNull()
    expect([...reader.chunkTokens]).toEqual([2, 1, 3])
    expect([...reader.chunkSeconds]).toEqual([0, 1, 2])
    expect(reader).toMatchObject({ text: "アabニ", inputTokens: 5, outputTokens: 6, finishReason: "length" })
  })

  test("tokens whose text never became a character came with the last chunk", () => {
    const reader = read([chunk("a", 1), chunk("", 3, usage(3), "length")])
    expect([...reader.chunkTokens]).toEqual([1, 2])
    expect([...reader.chunkSeconds]).toEqual([0, 1])
  })

  test("yield to the usage where the two differ, and then no chunk has a count", () => {
    const reader = read([chunk("a", 1), chunk("b", 2), chunk("", 2, usage(5), "length")])
    expect(reader.outputTokens).toBe(5)
    expect(reader.chunkTokens.reduce((a, b) => a + b)).toBe(5)
  })

  test("alone do not tell the prompt's length: without usage the request failed", () => {
    expect(read([chunk("a", 1), chunk("", 1, {}, "length")]).failure).toMatchObject({ kind: "usage" })
  })
})
