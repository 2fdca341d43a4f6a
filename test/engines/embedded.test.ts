import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { realModel } from "../lib/env.ts"
import { commandOf, type RunningServer, startServer, syntheticModel } from "./server.ts"

interface Answer {
  readonly text: string
  readonly tokens: ReadonlyArray<number>
  readonly chunks: number
  readonly finish: string | null
  readonly usage: { prompt_tokens: number; completion_tokens: number } | null
}

/** Reads a streamed answer to its end. */
const streamed = async (response: Response): Promise<Answer> => {
  const events = (await response.text()).split("\n\n").filter((event) => event.startsWith("data: {"))
  const bodies = events.map((event) => JSON.parse(event.slice("data: ".length)))
  const choices = bodies.flatMap((body) => body.choices)
  return {
    text: choices.map((choice) => choice.text).join(""),
    tokens: choices.flatMap((choice) => choice.token_ids ?? []),
    chunks: choices.filter((choice) => choice.token_ids?.length > 0).length,
    finish: choices.find((choice) => choice.finish_reason !== null)?.finish_reason ?? null,
    usage: bodies.at(-1)?.usage ?? null,
  }
}

const body = async (response: Response) => JSON.parse(await response.text())

const asking = (prompt: unknown, more: Record<string, unknown> = {}) => ({
  model: "m",
  prompt,
  max_tokens: 12,
  temperature: 0,
  stream: true,
  stream_options: { include_usage: true },
  return_token_ids: true,
  ...more,
})

const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  const deadline = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("it did not happen within 10 s")
    await Bun.sleep(10)
  }
}

describe("a real model", () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startServer(realModel())
  }, 60_000)
  afterAll(() => server.stop())

  test("continues a sentence sensibly, one chunk a token, with the server's counts", async () => {
    const answer = await streamed(await server.post(asking("The capital of France is", { max_tokens: 3 })))
    expect(answer.text).toStartWith(" Paris")
    expect(answer).toMatchObject({ chunks: 3, finish: "length", usage: { prompt_tokens: 5, completion_tokens: 3 } })
  })

  test("gives the same text whether streamed or not, and as tokens or as text", async () => {
    const stream = await streamed(await server.post(asking("Water boils at")))
    const whole = await body(await server.post(asking("Water boils at", { stream: false })))
    expect(whole.choices[0].text).toBe(stream.text)
    expect(whole.choices[0].token_ids).toEqual(stream.tokens)
    expect(whole.usage).toEqual({ prompt_tokens: 3, completion_tokens: 12, total_tokens: 15 })
  })

  test("gives the same greedy tokens alone and in a batch", async () => {
    const prompts = ["The capital of France is", "Two plus two equals", "The sun rises in the", "Once upon a time"]
    const alone: Array<Answer> = []
    for (const prompt of prompts) alone.push(await streamed(await server.post(asking(prompt, { max_tokens: 6 }))))
    const together = await Promise.all(
      prompts.map(async (prompt) => streamed(await server.post(asking(prompt, { max_tokens: 6 })))),
    )
    expect(together.map((answer) => answer.tokens)).toEqual(alone.map((answer) => answer.tokens))
  })

  test("stops at the end of the text unless told to go on", async () => {
    const prompt = "<|im_start|>user\nSay hi<|im_end|>\n<|im_start|>assistant\n"
    const tokens = { max_tokens: 60, temperature: 0 }
    const chat = await streamed(await server.post(asking(prompt, tokens)))
    const on = await streamed(await server.post(asking(prompt, { ...tokens, ignore_eos: true })))
    expect(on).toMatchObject({ finish: "length", usage: { completion_tokens: 60 } })
    expect(chat.finish).toBe("stop")
    expect(on.tokens.slice(0, chat.tokens.length)).toEqual([...chat.tokens])
    expect(on.tokens).not.toContain(2)
  })

  test("text of characters spread over several tokens is whole", async () => {
    const answer = await streamed(await server.post(asking("日本語の文章：「こんにちは」、", { max_tokens: 40 })))
    const tail = answer.text.slice(0, -1)
    expect(tail).not.toContain("\uFFFD")
    expect(answer.tokens).toHaveLength(40)
  })
})

describe("a synthetic model", () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startServer(syntheticModel())
  }, 60_000)
  afterAll(() => server.stop())

  const prompt = Array.from({ length: 40 }, (_, index) => 300 + index * 7)

  test("exact lengths when the end of text is ignored", async () => {
    for (const length of [1, 7, 200]) {
      const answer = await streamed(await server.post(asking(prompt, { max_tokens: length, ignore_eos: true })))
      expect(answer.tokens).toHaveLength(length)
      expect(answer.usage).toMatchObject({ prompt_tokens: 40, completion_tokens: length })
    }
  })

  test("a seed reproduces, another seed differs", async () => {
    const sampled = async (seed: number) =>
      (await streamed(await server.post(asking(prompt, { temperature: 1, seed, ignore_eos: true })))).tokens
    const first = await sampled(7)
    expect(await sampled(7)).toEqual(first)
    expect(await sampled(8)).not.toEqual(first)
  })

  test("several prompts in one request are several choices", async () => {
    const whole = await body(
      await server.post(asking([prompt, prompt.slice(0, 9)], { stream: false, ignore_eos: true })),
    )
    expect(whole.choices.map((choice: { index: number }) => choice.index)).toEqual([0, 1])
    expect(whole.usage).toEqual({ prompt_tokens: 49, completion_tokens: 24, total_tokens: 73 })
  })

  test("requests share steps, and more than there are slots wait their turn", async () => {
    const before = await server.props()
    const many = Array.from({ length: 8 }, () => server.post(asking(prompt, { max_tokens: 50, ignore_eos: true })))
    const answers = await Promise.all(many.map(async (one) => streamed(await one)))
    expect(answers.every((answer) => answer.tokens.length === 50)).toBe(true)
    const after = await server.props()
    expect(Number(after["steps"]) - Number(before["steps"])).toBeLessThan(8 * 50)
    expect(after["decoded_tokens"]).toBe(Number(before["decoded_tokens"]) + 8 * 49)
  })

  test("a client that goes away frees its slot", async () => {
    const abort = new AbortController()
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      body: JSON.stringify(asking(prompt, { max_tokens: 200, ignore_eos: true })),
      signal: abort.signal,
    })
    await response.body?.getReader().read()
    abort.abort()
    await until(async () => (await server.props())["active"] === 0)
    expect((await server.props())["queued"]).toBe(0)
  })

  test("what cannot be done is refused in OpenAI's shape", async () => {
    const refused = async (asked: unknown) => {
      const response = await server.post(asked)
      const { error } = await body(response)
      return [response.status, typeof error.message, error.code]
    }
    expect(await refused(asking(prompt, { max_tokens: 250 }))).toEqual([400, "string", "context_length_exceeded"])
    expect(await refused(asking([4_000_000]))).toEqual([400, "string", "invalid_token"])
    expect(await refused(asking([]))).toEqual([400, "string", null])
    expect(await refused({ model: "m" })).toEqual([400, "string", null])
    expect(await refused(asking(prompt, { model: "gpt-4" }))).toEqual([404, "string", "model_not_found"])
    const garbage = await fetch(`${server.url}/v1/completions`, { method: "POST", body: "{" })
    expect(garbage.status).toBe(400)
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404)
  })

  test("a body over the limit is refused, whether its length is told or not, and the server goes on", async () => {
    const large = new TextEncoder().encode(`{"prompt": "${"a".repeat(17 * 1024 * 1024)}"}`)
    const pieces = () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(large)
          controller.close()
        },
      })
    for (const sent of [large, pieces()]) {
      const response = await fetch(`${server.url}/v1/completions`, { method: "POST", body: sent })
      expect([response.status, (await body(response)).error.code]).toEqual([413, "request_too_large"])
    }
    expect((await server.post(asking(prompt, { max_tokens: 1 }))).status).toBe(200)
  })

  test("metrics count what was asked and generated", async () => {
    const metrics = async () => {
      const response = await fetch(`${server.url}/metrics`)
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
      const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
      return new Map(lines.map((line): [string, number] => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]))
    }
    const before = await metrics()
    await streamed(await server.post(asking(prompt, { max_tokens: 30, ignore_eos: true })))
    await server.post(asking([]))
    const after = await metrics()
    const more = (name: string) => (after.get(`llem_engine_${name}`) ?? 0) - (before.get(`llem_engine_${name}`) ?? 0)
    expect(more('requests_total{outcome="completed"}')).toBe(1)
    expect(more('requests_total{outcome="refused"}')).toBe(1)
    expect(more("prompt_tokens_total")).toBe(40)
    expect(more("generated_tokens_total")).toBe(30)
    expect(more("batch_tokens_total")).toBe(40 + 29)
    expect(after.get("llem_engine_kv_cache_size_tokens")).toBe(4 * 256)
    expect(after.get("llem_engine_kv_cache_used_tokens")).toBe(0)
  })
})

describe("the engine's process", () => {
  const log = async (command: ReadonlyArray<string>) => {
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "pipe" })
    const text = await new Response(child.stderr).text()
    return { code: await child.exited, text }
  }

  test("ends with its reason when the model is truncated or no GGUF", async () => {
    const truncated = syntheticModel()
    truncateSync(truncated, 5_000_000)
    const cut = await log((await commandOf(truncated, 1)).command)
    expect(cut.code).toBe(1)
    expect(cut.text).toContain("it is truncated")
    const other = join(mkdtempSync(join(tmpdir(), "llem-model-")), "x.gguf")
    writeFileSync(other, "not a model at all")
    expect((await log((await commandOf(other, 1)).command)).text).toContain("GGUF signature")
  })

  test("ends at SIGTERM with code 0", async () => {
    const server = await startServer(syntheticModel(), 1)
    await server.stop()
    expect(server.process.exitCode).toBe(0)
  })

  test("finishes what runs when it is asked to end, and takes nothing more", async () => {
    const server = await startServer(syntheticModel(), 1)
    const answer = server.post({ prompt: [5, 6, 7], max_tokens: 200, ignore_eos: true, temperature: 0 })
    await until(async () => ((await server.props())["active"] ?? 0) === 1)
    server.process.kill("SIGTERM")
    await until(async () => (await fetch(`${server.url}/health`)).status === 503)
    const refused = await server.post({ prompt: [5], max_tokens: 1 })
    expect(refused.status).toBe(503)
    const { usage } = JSON.parse(await (await answer).text())
    expect(usage.completion_tokens).toBe(200)
    await server.process.exited
    expect(server.process.exitCode).toBe(0)
  })

  test("ends when its parent is killed", async () => {
    const { command, port } = await commandOf(syntheticModel(), 1, true)
    const script = `const c = Bun.spawn(${JSON.stringify(command)}, {stdin: "pipe", stdout: "ignore", stderr: "ignore"}); console.log(c.pid); setInterval(() => {}, 1000)`
    const parent = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore", stdout: "pipe", stderr: "ignore" })
    const reader = parent.stdout.getReader()
    const pid = Number(new TextDecoder().decode((await reader.read()).value))
    await until(async () => (await fetch(`http://127.0.0.1:${port}/health`).catch(() => null))?.status === 200)
    parent.kill("SIGKILL")
    await until(() => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    })
  }, 60_000)
})
