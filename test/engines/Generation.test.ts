import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import { decode } from "../../src/engines/embedded/Completion.ts"
import { preparer } from "../../src/engines/embedded/Generation.ts"
import { Scheduler } from "../../src/engines/embedded/Scheduler.ts"
import type { SamplerConfig } from "../../src/platform/llamaAddon.ts"
import { fakeContext, fakeModel, fakeSamplers } from "../lib/addon.ts"

/** A library of 10 tokens whose last one ends a generation; it remembers how its samplers were set. */
const library = () => {
  const configs: Array<SamplerConfig> = []
  const addon = fakeSamplers((config) => void configs.push(config))
  const model = fakeModel({
    detokenize: (tokens) => "x".repeat(tokens.length),
    isEogToken: (token) => token === 9,
    shouldPrependBosToken: () => true,
  })
  const context = fakeContext()
  const scheduler = new Scheduler(context, model, {
    sequences: 4,
    batchTokens: 16,
    prefillTokens: 16,
    prefixCache: false,
  })
  return {
    configs,
    prepare: preparer(addon, model, context, scheduler, {
      vocabularySize: 10,
      longestToken: 1,
      contextPerSequence: 12,
    }),
  }
}

const ignored = () => {}

const asked = (more: Record<string, unknown>) =>
  Result.getOrThrow(decode(JSON.stringify({ prompt: [4], max_tokens: 2, ...more }))).generation

const codeOf = (more: Record<string, unknown>): string | null =>
  Result.match(library().prepare(asked(more)), { onFailure: ({ code }) => code, onSuccess: () => null })

describe("preparing a completion", () => {
  test("a token id past the vocabulary is refused before the library sees it: it would abort the process", () => {
    expect(codeOf({ prompt: [9] })).toBeNull()
    expect(codeOf({ prompt: [10] })).toBe("invalid_token")
    expect(codeOf({ prompt: [[1], [2, 10]] })).toBe("invalid_token")
  })

  test("prompt and output fill the context to its last place, and not beyond", () => {
    expect(codeOf({ max_tokens: 11 })).toBeNull()
    expect(codeOf({ max_tokens: 12 })).toBe("context_length_exceeded")
    // A text has its beginning-of-sequence token too.
    expect(codeOf({ prompt: "t", max_tokens: 9 })).toBeNull()
    expect(codeOf({ prompt: "t", max_tokens: 10 })).toBe("context_length_exceeded")
  })

  test("a text of more characters than the context's tokens can have is refused without its tokens", () => {
    const text = (length: number) => ({ prompt: "t".repeat(length), max_tokens: 1 })
    expect(codeOf(text(12))).toBeNull()
    expect(codeOf(text(13))).toBe("context_length_exceeded")
    expect(codeOf({ ...text(13), prompt: ["t", "t".repeat(13)] })).toBe("context_length_exceeded")
  })

  test("every sampling setting reaches the sampler, and each prompt has a seed of its own", async () => {
    const { configs, prepare } = library()
    const request = asked({ prompt: [[1], [2]], temperature: 0.7, top_k: 5, top_p: 0.8, seed: 40 })
    const generators = Result.getOrThrow(prepare(request))
    await Promise.all(generators.map((one) => one.run(ignored, ignored)))
    const common = { temperature: 0.7, topK: 5, topP: 0.8 }
    expect(configs).toEqual([
      { ...common, seed: 40 },
      { ...common, seed: 41 },
    ])
    expect(generators.map((one) => one.produced())).toEqual([2, 2])
  })

  test("ignore_eos makes every end token impossible", async () => {
    const { configs, prepare } = library()
    const [generator] = Result.getOrThrow(prepare(asked({ ignore_eos: true })))
    await generator?.run(ignored, ignored)
    expect([...(configs[0]?.tokenBiasKeys ?? [])]).toEqual([9])
    expect([...(configs[0]?.tokenBiasValues ?? [])]).toEqual([Number.NEGATIVE_INFINITY])
  })

  test("before min_tokens end tokens are impossible, and after it the sampler goes on with the same settings", async () => {
    const { configs, prepare } = library()
    const request = asked({ max_tokens: 4, min_tokens: 2, temperature: 0.5, seed: 1, repetition_penalty: 2 })
    const [generator] = Result.getOrThrow(prepare(request))
    expect(await generator?.run(ignored, ignored)).toEqual({ reason: "length", text: "" })
    const penalties = { repeatPenalty: 2, repeatPenaltyMaxTokens: 5 }
    expect(configs).toMatchObject([
      { temperature: 0.5, seed: 1, ...penalties, repeatPenaltyTokens: Uint32Array.of(4) },
      { temperature: 0.5, seed: 1, ...penalties, repeatPenaltyTokens: Uint32Array.of(4, 5, 5) },
    ])
    expect(configs.map((config) => config.tokenBiasKeys)).toEqual([Uint32Array.of(9), undefined])
  })

  test("a stop text ends the answer and is left out; what was held back comes at the end", async () => {
    const text = async (more: Record<string, unknown>) => {
      const [generator] = Result.getOrThrow(library().prepare(asked({ max_tokens: 5, ...more })))
      const pieces: Array<string> = []
      const end = await generator?.run((piece) => void pieces.push(piece), ignored)
      return [pieces, end?.reason, end?.text]
    }
    expect(await text({ stop: "xxx" })).toEqual([["", "", ""], "stop", ""])
    expect(await text({ stop: "xxx", min_tokens: 2 })).toEqual([["x", "", "", ""], "stop", ""])
    expect(await text({ stop: "xy" })).toEqual([["", "x", "x", "x", "x"], "length", "x"])
  })

  test("an echo comes before the answer, whole, and may be all that is asked for", async () => {
    const said = async (more: Record<string, unknown>) => {
      const [generator] = Result.getOrThrow(library().prepare(asked({ echo: true, ...more })))
      const pieces: Array<string> = []
      const add = (text: string) => void pieces.push(text)
      const end = await generator?.run(add, add)
      return [...pieces, end?.reason, generator?.produced()]
    }
    expect(await said({ prompt: "t", stop: "xx" })).toEqual(["t", "", "", "stop", 2])
    expect(await said({ prompt: [4, 5, 6] })).toEqual(["xxx", "x", "x", "length", 2])
    expect(await said({ prompt: [4, 5, 6], max_tokens: 0 })).toEqual(["xxx", "length", 0])
  })

  test("several answers to a prompt follow one another in their seeds; the prompt is counted once", async () => {
    const { configs, prepare } = library()
    const generators = Result.getOrThrow(prepare(asked({ prompt: [[1, 2], [3]], n: 2, seed: 7 })))
    await Promise.all(generators.map((one) => one.run(ignored, ignored)))
    expect(configs.map(({ seed }) => seed)).toEqual([7, 8, 9, 10])
    expect(generators.map(({ promptTokens }) => promptTokens)).toEqual([2, 0, 1, 0])
  })

  test("a length that is left open is what the context has room for", async () => {
    const { prepare } = library()
    const request = { ...asked({ prompt: [1, 2] }), maxTokens: null }
    const [generator] = Result.getOrThrow(prepare(request))
    await generator?.run(ignored, ignored)
    expect(generator?.produced()).toBe(10)
    const full = { ...request, prompts: [Array.from({ length: 12 }, () => 1)] }
    expect(Result.isFailure(prepare(full))).toBe(true)
  })

  test("a biased token past the vocabulary is refused", () => {
    expect(codeOf({ logit_bias: { "9": 1 } })).toBeNull()
    expect(codeOf({ logit_bias: { "10": 1 } })).toBe("invalid_token")
  })
})
