import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { realModel } from "../lib/env.ts"
import { type RunningServer, startServer, syntheticModel } from "./server.ts"

let server: RunningServer
beforeAll(async () => {
  server = await startServer(realModel())
}, 60_000)
afterAll(() => server.stop())

const post = (path: string, body: unknown, to = server) =>
  fetch(`${to.url}${path}`, { method: "POST", body: JSON.stringify(body) })

const json = async (response: Response) => JSON.parse(await response.text())

const messages = [{ role: "user", content: "Say hi" }]
const asking = (more: Record<string, unknown> = {}) => ({ messages, temperature: 0, max_tokens: 20, ...more })
const chat = async (more: Record<string, unknown> = {}) => json(await post("/v1/chat/completions", asking(more)))

/** SmolLM2's template with its default system message, written out. */
const prompt =
  "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nSay hi<|im_end|>\n<|im_start|>assistant\n"

describe("chat completions", () => {
  test("answer as the model's template has it, special tokens and all", async () => {
    const answer = await chat({ return_token_ids: true })
    const plain = await json(await server.post(asking({ prompt, messages: null, return_token_ids: true })))
    expect(answer).toMatchObject({ object: "chat.completion", model: "m", usage: plain.usage })
    expect(answer.id).toStartWith("chatcmpl-")
    expect(answer.choices[0]).toMatchObject({
      index: 0,
      message: { role: "assistant", content: plain.choices[0].text, refusal: null },
      token_ids: plain.choices[0].token_ids,
      finish_reason: plain.choices[0].finish_reason,
    })
  })

  test("a stream begins with the role and ends with the reason, then the usage", async () => {
    const stream = { stream: true, stream_options: { include_usage: true }, return_token_ids: true }
    const text = await (await post("/v1/chat/completions", asking(stream))).text()
    expect(text).toEndWith("data: [DONE]\n\n")
    const chunks = text
      .split("\n\n")
      .flatMap((event) => (event.startsWith("data: {") ? [JSON.parse(event.slice(6))] : []))
    expect(chunks[0]).toMatchObject({
      object: "chat.completion.chunk",
      choices: [{ delta: { role: "assistant", content: "" }, finish_reason: null }],
      usage: null,
    })
    const whole = await chat()
    const deltas = chunks.flatMap(({ choices }) =>
      choices.map((one: { delta: { content?: string } }) => one.delta.content ?? ""),
    )
    expect(deltas.join("")).toBe(whole.choices[0].message.content)
    expect(chunks.filter(({ choices }) => choices[0]?.token_ids?.length === 1)).toHaveLength(
      whole.usage.completion_tokens,
    )
    expect(chunks.at(-2).choices[0]).toMatchObject({ delta: {}, finish_reason: whole.choices[0].finish_reason })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
  })

  test("the answer may go on to the end of the context", async () => {
    const answer = await chat({ max_tokens: null, ignore_eos: true })
    expect(answer.usage.total_tokens).toBe(256)
    expect(answer.choices[0].finish_reason).toBe("length")
    const long = [{ role: "user", content: "word ".repeat(300) }]
    expect((await chat({ messages: long, max_tokens: null })).error).toMatchObject({
      param: "messages",
      code: "context_length_exceeded",
    })
  })

  test("log probabilities in the shape of chats", async () => {
    const { content } = (await chat({ max_tokens: 3, logprobs: true, top_logprobs: 2 })).choices[0].logprobs
    expect(content).toHaveLength(3)
    expect(content[0].top_logprobs).toHaveLength(2)
    expect(content[0].top_logprobs[0].logprob).toBe(content[0].logprob)
    expect(new TextDecoder().decode(Uint8Array.from(content[0].bytes))).toBe(content[0].token)
  })

  test("a model without a template says so", async () => {
    const other = await startServer(syntheticModel(), 1)
    const response = await post("/v1/chat/completions", asking(), other)
    expect(response.status).toBe(400)
    expect((await json(response)).error).toMatchObject({ param: "messages", code: "invalid_chat" })
    await other.stop()
  }, 60_000)
})
