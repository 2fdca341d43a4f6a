import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import * as Completion from "../../src/engines/embedded/Completion.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const decode = (body: unknown) => Completion.decode(JSON.stringify(body))
const decoded = (body: unknown) => Result.getOrThrow(decode(body))
const problem = (body: unknown) => Result.getOrThrow(Result.flip(decode(body)))

describe("the body of a completion request", () => {
  test("text, token ids, and lists of either", () => {
    const prompts = (prompt: unknown) => decoded({ prompt }).generation.prompts
    expect(prompts("a")).toEqual(["a"])
    expect(prompts([1, 2])).toEqual([[1, 2]])
    expect(prompts(["a", "b"])).toEqual(["a", "b"])
    expect(prompts([[1], "b"])).toEqual([[1], "b"])
  })

  const ids = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))).check(
    Schema.isMinLength(1),
  )
  const several = Schema.Array(Schema.Union([Schema.String, ids])).check(Schema.isMinLength(1))

  prop("every prompt arrives as it is, alone or among others", arbitraryOf(several), (prompts) => {
    expect(decoded({ prompt: prompts }).generation.prompts).toEqual(prompts)
    for (const prompt of prompts) expect(decoded({ prompt }).generation.prompts).toEqual([prompt])
    return true
  })

  test("OpenAI's defaults; null is the same as absent", () => {
    const absent = decoded({ prompt: "a" })
    expect(absent.generation).toMatchObject({
      maxTokens: 16,
      minTokens: 0,
      copies: 1,
      stop: [],
      logprobs: null,
      ignoreEos: false,
      seed: null,
      sampling: { temperature: 1, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1 },
    })
    expect(absent.delivery.stream).toBe(false)
    const nulls = {
      model: null,
      max_tokens: null,
      stream: null,
      stream_options: null,
      top_p: null,
      stop: null,
      n: null,
      logprobs: null,
      logit_bias: null,
      of_another_server: null,
    }
    expect(decoded({ prompt: "a", ...nulls })).toEqual(absent)
  })

  test("every field that is honoured arrives", () => {
    const { generation } = decoded({
      prompt: "a",
      stop: "x",
      min_tokens: 3,
      min_p: 0.1,
      presence_penalty: -1,
      frequency_penalty: 0.5,
      logprobs: 0,
      n: 3,
      best_of: 3,
      logit_bias: { "7": -100 },
      user: "someone",
    })
    expect(generation).toMatchObject({
      stop: ["x"],
      minTokens: 3,
      logprobs: 0,
      copies: 3,
      sampling: { minP: 0.1, presencePenalty: -1, frequencyPenalty: 0.5, bias: new Map([[7, -100]]) },
    })
  })

  test("an id that would wrap around in 32 bits is refused, not generated from", () => {
    for (const id of [-1, 2 ** 31, 2 ** 32, 1.5]) expect(problem({ prompt: [id] }).param).toStartWith("prompt")
    for (const prompt of [[], [[]]]) expect(problem({ prompt }).message).toContain("empty")
  })

  test("what would change the answer and is not honoured is refused by name", () => {
    expect(problem({ prompt: "a", best_of: 2, suffix: "b" })).toMatchObject({
      message: "this server does not support best_of other than n, suffix: leave it out",
      param: "best_of",
    })
    expect(problem({ prompt: "a", typical_p: 0.3 })).toMatchObject({ param: "typical_p" })
    expect(problem({ prompt: "a", repetition_penalty: 1.1, presence_penalty: 1 }).param).toBe("repetition_penalty")
    expect(problem({ prompt: "a", min_tokens: 17 })).toMatchObject({
      message: "min_tokens is 17; it must be at most max_tokens, 16",
      param: "min_tokens",
    })
    expect(problem({ prompt: "a", max_tokens: 0 })).toMatchObject({ param: "max_tokens" })
    expect(Result.isSuccess(decode({ prompt: "a", max_tokens: 0, echo: true }))).toBe(true)
    expect(Result.isSuccess(decode({ prompt: "a", n: 1, echo: false, presence_penalty: 0 }))).toBe(true)
  })

  test("a wrong value is told by its field, what was found and what is allowed", () => {
    const told = (body: Record<string, unknown>) => {
      const { message, param } = problem({ prompt: "a", ...body })
      return [param, message]
    }
    expect(told({ temperature: "hot" })).toEqual([
      "temperature",
      'temperature is "hot"; it must be a number from 0 to 2',
    ])
    expect(told({ top_p: 1.5 })).toEqual(["top_p", "top_p is 1.5; it must be a number from 0 to 1"])
    expect(told({ n: 0 })).toEqual(["n", "n is 0; it must be a whole number from 1 to 128"])
    expect(told({ stop: ["a", ""] })[0]).toBe("stop[1]")
    expect(told({ stop: "" })).toEqual([
      "stop",
      'stop is ""; it must be text, or a list of up to 16 texts, none of them empty',
    ])
    expect(told({ stream_options: { include_usage: 1 } })).toEqual([
      "stream_options.include_usage",
      "stream_options.include_usage is 1; stream_options must be an object with include_usage and continuous_usage_stats, each true or false",
    ])
    expect(told({ prompt: undefined })).toEqual([
      "prompt",
      "prompt is missing; it must be text, a list of token ids, or a list of either",
    ])
    expect(told({ prompt: { a: 1 } })[1]).toStartWith('prompt is {"a":1}; it must be text')
  })

  test("what is no JSON object is told so", () => {
    const message = (text: string) => Result.getOrThrow(Result.flip(Completion.decode(text))).message
    expect(message("{")).toBe("the body is not valid JSON")
    for (const text of ["[]", "null", "3", '"a"']) expect(message(text)).toBe("the body must be a JSON object")
  })
})
