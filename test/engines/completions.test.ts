import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { realModel } from "../lib/env.ts"
import { type RunningServer, startServer } from "./server.ts"

let server: RunningServer
beforeAll(async () => {
  server = await startServer(realModel())
}, 60_000)
afterAll(() => server.stop())

const ask = async (more: Record<string, unknown>) => {
  const response = await server.post({ prompt: "The capital of France is", max_tokens: 12, temperature: 0, ...more })
  const body = JSON.parse(await response.text())
  if (response.status !== 200) throw new Error(body.error.message)
  return body
}

const choice = async (more: Record<string, unknown>) => (await ask(more)).choices[0]

/** Chunks of a streamed answer, in their order. */
const chunks = async (more: Record<string, unknown>) => {
  const response = await server.post({
    prompt: "The capital of France is",
    max_tokens: 12,
    temperature: 0,
    stream: true,
    ...more,
  })
  const events = (await response.text()).split("\n\n").filter((event) => event.startsWith("data: {"))
  return events.map((event) => JSON.parse(event.slice("data: ".length)))
}

const textOf = (bodies: ReadonlyArray<{ choices: ReadonlyArray<{ text: string }> }>) =>
  bodies.flatMap((body) => body.choices.map(({ text }) => text)).join("")

describe("stop", () => {
  test("ends the text before the stop text, streamed or not, and frees the sequence", async () => {
    const full: string = (await choice({})).text
    const stop = full.slice(9, 14)
    const expected = full.slice(0, full.indexOf(stop))
    const whole = await choice({ stop, return_token_ids: true })
    expect(whole).toMatchObject({ text: expected, finish_reason: "stop" })
    expect(whole.token_ids.length).toBeLessThan(12)
    const stream = await chunks({ stop: ["nowhere", stop], return_token_ids: true })
    expect(textOf(stream)).toBe(expected)
    expect(stream.at(-1).choices[0]).toMatchObject({ text: "", finish_reason: "stop" })
    expect(stream.flatMap((body) => body.choices[0].token_ids)).toEqual(whole.token_ids)
    expect((await server.props())["active"]).toBe(0)
  })

  test("text that was held back comes out when the answer ends otherwise", async () => {
    const full: string = (await choice({})).text
    const answer = { text: full, finish_reason: "length" }
    expect(await choice({ stop: `${full.slice(-3)}#` })).toMatchObject(answer)
    expect(textOf(await chunks({ stop: `${full.slice(-3)}#` }))).toBe(full)
  })
})

describe("min_tokens", () => {
  const prompt = "<|im_start|>user\nSay hi<|im_end|>\n<|im_start|>assistant\n"

  test("no end token comes before, and the answer may end after", async () => {
    const short = await ask({ prompt, max_tokens: 100 })
    const ended = short.usage.completion_tokens
    expect(short.choices[0].finish_reason).toBe("stop")
    const longer = await ask({ prompt, max_tokens: 200, min_tokens: ended + 3, return_token_ids: true })
    expect(longer.usage.completion_tokens).toBeGreaterThanOrEqual(ended + 3)
    expect(longer.choices[0].text).toStartWith(short.choices[0].text)
    expect(longer.choices[0].token_ids).not.toContain(2)
    expect(longer.choices[0].finish_reason).toBe("stop")
  })

  test("draws go on as without it", async () => {
    const sampled = { temperature: 1, seed: 5, max_tokens: 20, ignore_eos: true, return_token_ids: true }
    for (const more of [{}, { repetition_penalty: 1.3 }, { frequency_penalty: 0.8 }])
      expect((await choice({ ...sampled, ...more, min_tokens: 6 })).token_ids).toEqual(
        (await choice({ ...sampled, ...more })).token_ids,
      )
  })

  test("stop texts are not honoured before", async () => {
    const full: string = (await choice({})).text
    const stop = full.slice(0, 6)
    expect(await choice({ stop })).toMatchObject({ text: "", finish_reason: "stop" })
    expect((await choice({ stop, min_tokens: 8 })).text).toStartWith(stop)
  })
})

describe("sampling", () => {
  const ids = async (more: Record<string, unknown>): Promise<ReadonlyArray<number>> =>
    (await choice({ max_tokens: 40, ignore_eos: true, return_token_ids: true, ...more })).token_ids

  test("penalties work against repetition", async () => {
    const distinct = async (more: Record<string, unknown>) =>
      new Set(await ids({ prompt: "one two one two one two one two", ...more })).size
    const plain = await distinct({})
    for (const more of [{ repetition_penalty: 1.5 }, { presence_penalty: 2 }, { frequency_penalty: 2 }])
      expect(await distinct(more)).toBeGreaterThan(plain)
  })

  test("a repetition penalty counts the prompt, the others do not", async () => {
    const prompt = "one two one two one two one two one"
    const first = async (more: Record<string, unknown>) => (await ids({ prompt, max_tokens: 1, ...more }))[0]
    const plain = await first({})
    expect(await first({ presence_penalty: 2, frequency_penalty: 2 })).toBe(plain)
    expect(await first({ repetition_penalty: 10 })).not.toBe(plain)
  })

  test("min_p 1 keeps the likeliest token alone, and so does top_k 1", async () => {
    const greedy = await ids({ temperature: 0 })
    expect(await ids({ temperature: 1.5, min_p: 1, seed: 3 })).toEqual(greedy)
    expect(await ids({ temperature: 1.5, top_k: 1, seed: 3 })).toEqual(greedy)
    expect(await ids({ temperature: 1.5, top_p: 0, seed: 3 })).toEqual(greedy)
    expect(await ids({ temperature: 1.5, seed: 3 })).not.toEqual(greedy)
  })

  test("a bias forces and forbids a token", async () => {
    const plain = (await ids({ max_tokens: 1 }))[0]
    expect(await ids({ max_tokens: 3, logit_bias: { "100": 100 } })).toEqual([100, 100, 100])
    expect((await ids({ max_tokens: 1, logit_bias: { [String(plain)]: -100 } }))[0]).not.toBe(plain)
  })

  test("n answers, of seeds that follow one another; the prompt is counted once", async () => {
    const sampled = { temperature: 1, max_tokens: 8, ignore_eos: true, return_token_ids: true }
    const three = await ask({ ...sampled, seed: 40, n: 3 })
    expect(three.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2])
    expect(three.usage).toEqual({ prompt_tokens: 5, completion_tokens: 24, total_tokens: 29 })
    for (const index of [0, 1, 2])
      expect(three.choices[index].token_ids).toEqual((await choice({ ...sampled, seed: 40 + index })).token_ids)
    const stream = await chunks({ ...sampled, seed: 40, n: 3 })
    const streamed = [0, 1, 2].map((index) =>
      stream.flatMap(({ choices }) => choices.filter((one: { index: number }) => one.index === index)),
    )
    for (const index of [0, 1, 2])
      expect(streamed[index]?.flatMap((one) => one.token_ids)).toEqual(three.choices[index].token_ids)
  })
})

describe("logprobs", () => {
  test("are the model's own, whatever the sampling", async () => {
    const greedy = (await choice({ max_tokens: 4, logprobs: 3, return_token_ids: true })).logprobs
    expect(greedy.tokens.join("")).toBe((await choice({ max_tokens: 4 })).text)
    expect(greedy.text_offset[1]).toBe(greedy.tokens[0].length)
    for (const [index, value] of greedy.token_logprobs.entries()) {
      const top: Record<string, number> = greedy.top_logprobs[index]
      expect(value).toBeLessThan(0)
      expect(Math.max(...Object.values(top))).toBe(value)
      expect(Object.keys(top)).toHaveLength(3)
      expect(Object.values(top).reduce((sum, one) => sum + Math.exp(one), 0)).toBeLessThan(1)
    }
    const first = (await choice({ max_tokens: 1, logprobs: 3, temperature: 2, seed: 1, presence_penalty: 1 })).logprobs
    expect(first.top_logprobs[0]).toMatchObject(greedy.top_logprobs[0])
    expect(first.top_logprobs[0][first.tokens[0]]).toBe(first.token_logprobs[0])
    const forced = (await choice({ max_tokens: 1, logprobs: 1, logit_bias: { "100": 100 } })).logprobs
    expect(forced.token_logprobs[0]).toBeLessThan(-5)
    expect(Object.keys(forced.top_logprobs[0])).toHaveLength(2)
  })

  test("all of them together are 1", async () => {
    const { top_logprobs } = (await choice({ prompt: "2 + 2 =", max_tokens: 1, logprobs: 20 })).logprobs
    const sum = Object.values<number>(top_logprobs[0]).reduce((total, one) => total + Math.exp(one), 0)
    expect(sum).toBeGreaterThan(0.5)
    expect(sum).toBeLessThanOrEqual(1.000001)
  })

  test("of the prompt come before the others, in one chunk of a stream", async () => {
    const asked = { echo: true, logprobs: 1, max_tokens: 3, stop: " capital" }
    const { text, logprobs } = await choice(asked)
    expect(text).toStartWith("The capital of France is Paris")
    expect(logprobs.tokens.join("")).toBe(text)
    expect(logprobs.token_logprobs).toHaveLength(8)
    expect([logprobs.token_logprobs[0], logprobs.top_logprobs[0]]).toEqual([null, null])
    const stream = await chunks({ ...asked, return_token_ids: true })
    expect(stream).toHaveLength(5)
    expect(stream[0].choices[0]).toMatchObject({ text: "The capital of France is", token_ids: [], finish_reason: null })
    expect(textOf(stream)).toBe(text)
    const pieces = stream.flatMap(({ choices }) => (choices[0].logprobs === null ? [] : [choices[0].logprobs]))
    expect(pieces.flatMap(({ token_logprobs }) => token_logprobs)).toEqual(logprobs.token_logprobs)
    expect(pieces.flatMap(({ text_offset }) => text_offset)).toEqual(logprobs.text_offset)
  })

  test("come with each token of a stream", async () => {
    const whole = (await choice({ logprobs: 1 })).logprobs
    const stream = await chunks({ logprobs: 1 })
    const pieces = stream.flatMap(({ choices }) => (choices[0].logprobs === null ? [] : [choices[0].logprobs]))
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual(whole.tokens)
    expect(pieces.flatMap(({ text_offset }) => text_offset)).toEqual(whole.text_offset)
    expect(stream.at(-1).choices[0]).toMatchObject({ logprobs: null, finish_reason: "length" })
  })
})
