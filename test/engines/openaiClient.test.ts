import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import OpenAI from "openai"
import { projectRoot, python, realModel } from "../lib/env.ts"
import { type RunningServer, startServer } from "./server.ts"

let server: RunningServer
let client: OpenAI
beforeAll(async () => {
  server = await startServer(realModel())
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 })
}, 60_000)
afterAll(() => server.stop())

const messages: Array<OpenAI.ChatCompletionMessageParam> = [{ role: "user", content: "Say hi" }]
const chat = { model: "m", messages, temperature: 0, max_completion_tokens: 20 }
const completion = { model: "m", prompt: "The capital of France is", temperature: 0, max_tokens: 12 }

const rejection = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => "it was answered",
    (cause: unknown) => cause,
  )

describe("OpenAI's client for JavaScript", () => {
  test("lists models", async () => {
    const models = await client.models.list()
    expect(models.data.map(({ id }) => id)).toEqual(["m"])
    expect((await client.models.retrieve("m")).owned_by).toBe("llem")
  })

  test("completes a prompt, whole and streamed", async () => {
    const whole = await client.completions.create({ ...completion, logprobs: 2 })
    expect(whole.choices[0]?.text).toStartWith(" Paris")
    expect(whole.choices[0]?.logprobs?.tokens).toHaveLength(12)
    const stream = await client.completions.create({
      ...completion,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ""
    let usage: OpenAI.CompletionUsage | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? ""
      usage = chunk.usage ?? usage
    }
    expect(text).toBe(whole.choices[0]?.text ?? "")
    expect(usage).toEqual(whole.usage)
  })

  test("chats, whole and streamed, and sends the answer back", async () => {
    const whole = await client.chat.completions.create({ ...chat, logprobs: true, top_logprobs: 2 })
    const answer = whole.choices[0]?.message
    expect(answer?.content).toBeTruthy()
    expect(whole.choices[0]?.logprobs?.content?.[0]?.top_logprobs).toHaveLength(2)
    const runner = client.chat.completions.stream({ ...chat, stream_options: { include_usage: true } })
    const final = await runner.finalChatCompletion()
    expect(final.choices[0]?.message.content).toBe(answer?.content ?? null)
    expect(final.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason)
    expect(final.usage).toEqual(whole.usage)
    if (answer === undefined) throw new Error("no answer")
    const next = await client.chat.completions.create({ ...chat, messages: [...messages, answer, ...messages] })
    expect(next.usage?.prompt_tokens).toBeGreaterThan(whole.usage?.prompt_tokens ?? 0)
  })

  test("several answers and a stop text", async () => {
    const several = await client.chat.completions.create({ ...chat, n: 2, temperature: 1, seed: 3 })
    expect(several.choices.map(({ index }) => index)).toEqual([0, 1])
    const full = (await client.completions.create(completion)).choices[0]?.text ?? ""
    const stopped = await client.completions.create({ ...completion, stop: full.slice(5, 8) })
    expect(stopped.choices[0]).toMatchObject({
      text: full.slice(0, full.indexOf(full.slice(5, 8))),
      finish_reason: "stop",
    })
  })

  test("errors have their classes", async () => {
    expect(await rejection(client.completions.create({ ...completion, model: "other" }))).toBeInstanceOf(
      OpenAI.NotFoundError,
    )
    expect(await rejection(client.models.retrieve("other"))).toBeInstanceOf(OpenAI.NotFoundError)
    const long = await rejection(client.completions.create({ ...completion, max_tokens: 4000 }))
    expect(long).toBeInstanceOf(OpenAI.BadRequestError)
    expect(long).toMatchObject({ param: "prompt", code: "context_length_exceeded" })
    const wrong = await rejection(client.chat.completions.create({ ...chat, temperature: 9 }))
    expect(wrong).toBeInstanceOf(OpenAI.BadRequestError)
    expect(wrong).toMatchObject({ param: "temperature" })
    const many = { ...completion, prompt: Array.from({ length: 4000 }, () => [1]), max_tokens: 50 }
    const waiting = await client.completions.create({ ...many, stream: true })
    expect(await rejection(client.completions.create(many))).toBeInstanceOf(OpenAI.RateLimitError)
    waiting.controller.abort()
  })

  test("a stream that is left frees its sequence", async () => {
    const stream = await client.completions.create({ ...completion, max_tokens: 200, stream: true })
    for await (const _chunk of stream) break
    const deadline = performance.now() + 10_000
    while ((await server.props())["active"] !== 0) {
      if (performance.now() > deadline) throw new Error("the sequence is still running")
      await Bun.sleep(10)
    }
  })
})

test("OpenAI's client for Python", async () => {
  const script = join(projectRoot, "test/fixtures/openai_client.py")
  const child = Bun.spawn([python(), script, `${server.url}/v1`], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect({ code: await child.exited, err }).toEqual({ code: 0, err: "" })
  expect(JSON.parse(out)).toEqual({
    models: ["m"],
    completion_streamed_same: true,
    completion_usage: [5, 12],
    chat_streamed_same: true,
    chat_role: "assistant",
    logprobs: [3, 2],
    choices: [0, 1],
    stopped: "stop",
    errors: ["NotFoundError", "BadRequestError", "RateLimitError"],
    overflow: ["prompt", "context_length_exceeded"],
  })
}, 60_000)
