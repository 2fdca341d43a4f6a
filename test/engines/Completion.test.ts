import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import * as Completion from "../../src/engines/embedded/Completion.ts"

const decode = (body: unknown) => Completion.decode(JSON.stringify(body))
const problem = (body: unknown): string => Result.getOrThrow(Result.flip(decode(body)))

describe("the body of a completion request", () => {
  test("text, token ids, and lists of either", () => {
    const prompts = (prompt: unknown) => Result.getOrThrow(decode({ prompt })).prompts
    expect(prompts("a")).toEqual(["a"])
    expect(prompts([1, 2])).toEqual([[1, 2]])
    expect(prompts(["a", "b"])).toEqual(["a", "b"])
    expect(prompts([[1], "b"])).toEqual([[1], "b"])
  })

  test("OpenAI's defaults; null is the same as absent", () => {
    const absent = Result.getOrThrow(decode({ prompt: "a" }))
    expect(absent).toMatchObject({
      maxTokens: 16,
      temperature: 1,
      topP: 1,
      stream: false,
      ignoreEos: false,
      seed: null,
    })
    const nulls = {
      model: null,
      max_tokens: null,
      stream: null,
      stream_options: null,
      top_p: null,
      stop: null,
      n: null,
    }
    expect(Result.getOrThrow(decode({ prompt: "a", ...nulls }))).toEqual(absent)
  })

  test("an id that would wrap around in 32 bits is refused, not generated from", () => {
    for (const id of [-1, 2 ** 31, 2 ** 32, 1.5]) expect(problem({ prompt: [id] })).toContain("prompt")
    for (const prompt of [[], [[]]]) expect(problem({ prompt })).toContain("empty")
  })

  test("what would change the answer and is not honoured is refused by name", () => {
    expect(problem({ prompt: "a", n: 2, stop: ["x"], echo: true })).toContain("n, echo, stop")
    expect(problem({ prompt: "a", logprobs: 0 })).toContain("logprobs")
    expect(Result.isSuccess(decode({ prompt: "a", n: 1, echo: false, presence_penalty: 0 }))).toBe(true)
  })
})
