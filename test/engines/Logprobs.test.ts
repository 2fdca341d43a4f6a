import { describe, expect, test } from "bun:test"
import * as Logprobs from "../../src/engines/embedded/Logprobs.ts"

const logits = [2, 1, 0, -5]
const weight = logits.reduce((sum, logit) => sum + Math.exp(logit - 2), 0)
const softmax = (token: number) =>
  Math.log(Math.exp(logits[token] ?? 0) / logits.reduce((sum, l) => sum + Math.exp(l), 0))

describe("log probabilities", () => {
  test("are the log softmax of the logits", () => {
    const distribution = Logprobs.fromLogits([0, 2, 1, 1, 3, -5], weight, 3, 2)
    expect(distribution.chosen).toBeCloseTo(softmax(3), 10)
    expect(distribution.top.map(({ token }) => token)).toEqual([0, 1])
    expect(distribution.top[1]?.logprob).toBeCloseTo(softmax(1), 10)
  })

  const spell = (token: number) => ["a", "é", "\uFFFD", "d"][token] ?? ""
  const told = Logprobs.describe({ chosen: -1, top: [{ token: 0, logprob: -0.5 }] }, 1, 7, spell)
  const partial = Logprobs.describe({ chosen: Number.NEGATIVE_INFINITY, top: [] }, 2, 8, spell)

  test("of a completion: by text, the generated token among its alternatives", () => {
    expect(Logprobs.completionLogprobs([told, partial])).toEqual({
      tokens: ["é", "token_id:2"],
      token_logprobs: [-1, -9999],
      top_logprobs: [{ a: -0.5, é: -1 }, { "token_id:2": -9999 }],
      text_offset: [7, 8],
    })
  })

  test("of a chat: with bytes, which a part of a character does not tell", () => {
    expect(Logprobs.chatLogprobs([told, partial]).content).toEqual([
      {
        token: "é",
        logprob: -1,
        bytes: [0xc3, 0xa9],
        top_logprobs: [{ token: "a", logprob: -0.5, bytes: [97] }],
      },
      { token: "token_id:2", logprob: -9999, bytes: null, top_logprobs: [] },
    ])
  })
})
