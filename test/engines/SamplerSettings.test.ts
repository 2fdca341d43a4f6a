import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { type SampledSequence, type Sampling, toConfig } from "../../src/engines/embedded/SamplerSettings.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const neutral: Sampling = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  bias: new Map(),
}

const sequence: SampledSequence = {
  prompt: Uint32Array.of(4, 5),
  generated: [6],
  maxTokens: 10,
  seed: 3,
  forbidden: new Uint32Array(0),
}

const config = (sampling: Partial<Sampling>, more: Partial<SampledSequence> = {}) =>
  toConfig({ ...neutral, ...sampling }, { ...sequence, ...more })

describe("the library's sampler settings", () => {
  test("every seed means itself: the library's word for one at random is none of them", () => {
    expect([0, 3, 2 ** 31 - 1].map((seed) => config({}, { seed }).seed)).toEqual([0, 3, 2 ** 31 - 1])
    for (const seed of [-1, 2 ** 32 - 1, -(2 ** 32) - 1]) expect(config({}, { seed }).seed).toBe(2 ** 31 - 1)
  })

  test("neutral values are left out", () => {
    expect(config({})).toEqual({ temperature: 1, seed: 3 })
    expect(config({ topK: -1 })).toEqual({ temperature: 1, seed: 3 })
    expect(config({ topK: 5, topP: 0.9, minP: 0.1 })).toEqual({
      temperature: 1,
      seed: 3,
      topK: 5,
      topP: 0.9,
      minP: 0.1,
    })
  })

  test("a repetition penalty is over prompt and generated text", () => {
    expect(config({ repetitionPenalty: 1.2 })).toMatchObject({
      repeatPenalty: 1.2,
      repeatPenaltyPresencePenalty: 0,
      repeatPenaltyFrequencyPenalty: 0,
      repeatPenaltyMaxTokens: 12,
      repeatPenaltyTokens: Uint32Array.of(4, 5, 6),
    })
  })

  test("presence and frequency penalties are over generated text alone", () => {
    expect(config({ presencePenalty: 0.5, frequencyPenalty: -0.25 })).toMatchObject({
      repeatPenalty: 1,
      repeatPenaltyPresencePenalty: 0.5,
      repeatPenaltyFrequencyPenalty: -0.25,
      repeatPenaltyMaxTokens: 10,
      repeatPenaltyTokens: Uint32Array.of(6),
    })
  })

  test("a forbidden token stays forbidden, whatever its bias", () => {
    const { tokenBiasKeys, tokenBiasValues } = config(
      {
        bias: new Map([
          [2, 100],
          [7, -1],
        ]),
      },
      { forbidden: Uint32Array.of(2, 3) },
    )
    expect([...(tokenBiasKeys ?? [])]).toEqual([2, 7, 3])
    expect([...(tokenBiasValues ?? [])]).toEqual([Number.NEGATIVE_INFINITY, -1, Number.NEGATIVE_INFINITY])
  })

  const tokens = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })))
  const cases = Schema.Struct({
    prompt: tokens,
    generated: tokens,
    repetition: Schema.Boolean,
    penalty: Schema.Finite.check(Schema.isBetween({ minimum: 0.25, maximum: 1.75 })),
  })

  prop("the library's history has room for every token that a penalty counts", arbitraryOf(cases), (one) => {
    const maxTokens = one.generated.length + 1
    const sampling = one.repetition ? { repetitionPenalty: 1 + one.penalty } : { frequencyPenalty: one.penalty }
    const made = config(sampling, { prompt: Uint32Array.from(one.prompt), generated: one.generated, maxTokens })
    const history = one.repetition ? [...one.prompt, ...one.generated] : one.generated
    expect([...(made.repeatPenaltyTokens ?? [])]).toEqual([...history])
    expect(made.repeatPenaltyMaxTokens ?? 0).toBe(history.length + 1)
    return true
  })
})
