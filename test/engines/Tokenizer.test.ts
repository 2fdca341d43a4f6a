import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Result } from "effect"
import { decodeTokenize } from "../../src/engines/embedded/Tokenizer.ts"
import { type RunningServer, startServer, syntheticModel } from "./server.ts"

describe("the body of a tokenize request", () => {
  const decoded = (body: unknown) => Result.getOrThrow(decodeTokenize(JSON.stringify(body)))

  test("a content is taken as it is, a prompt as it would be completed", () => {
    expect(decoded({ content: "a" })).toEqual({ text: "a", addSpecial: false })
    expect(decoded({ prompt: "a" })).toEqual({ text: "a", addSpecial: true })
    expect(decoded({ content: "a", add_special: true })).toEqual({ text: "a", addSpecial: true })
    expect(decoded({ prompt: "", add_special: false })).toEqual({ text: "", addSpecial: false })
  })
})

describe("a model whose texts have a beginning", () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startServer(syntheticModel(), 1)
  }, 60_000)
  afterAll(() => server.stop())

  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body) })
    return JSON.parse(await response.text())
  }

  test("gets it once, whoever writes it", async () => {
    const plain: ReadonlyArray<number> = (await post("/tokenize", { content: "hello" })).tokens
    const begun: ReadonlyArray<number> = (await post("/tokenize", { prompt: "hello" })).tokens
    expect(begun).toEqual([1, ...plain])
    const { content } = await post("/detokenize", { tokens: [1] })
    expect(
      (await post("/tokenize", { prompt: `${content}hello` })).tokens.filter((token: number) => token === 1),
    ).toEqual([1])
    const usage = (await post("/v1/completions", { prompt: "hello", max_tokens: 1 })).usage
    expect(usage.prompt_tokens).toBe(begun.length)
  })

  test("tokens become the text that they came from; others are refused before the library sees them", async () => {
    const { tokens, count } = await post("/tokenize", { content: "some words" })
    expect(count).toBe(tokens.length)
    expect((await post("/detokenize", { tokens })).content.trim()).toBe("some words")
    expect((await post("/detokenize", { tokens: [4_000_000] })).error).toMatchObject({ code: "invalid_token" })
  })
})
