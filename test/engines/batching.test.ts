import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { projectRoot, quick, realModel } from "../lib/env.ts"
import { ask, texts } from "./greedy.ts"
import { compare, type Greedy, nearTieOfSums } from "./nearTie.ts"
import { type RunningServer, startServer } from "./server.ts"

setDefaultTimeout(120_000)

const length = quick ? 12 : 32
const prompts = texts(8)
const numbers = async (server: RunningServer) => (await server.props())["prefill_tokens"] ?? Number.NaN

let plain: RunningServer
let chunked: RunningServer
let alone: ReadonlyArray<Greedy>

beforeAll(async () => {
  plain = await startServer(realModel(), 8)
  chunked = await startServer(realModel(), 8, { prefillChunk: 16, prefixCache: true })
  const answers: Array<Greedy> = []
  for (const prompt of prompts) answers.push(await ask(plain, prompt, length))
  alone = answers
})
afterAll(async () => {
  await plain.stop()
  await chunked.stop()
})

/** Fails where an answer parts from the one that was made alone at anything but a near tie. */
const expectSame = (what: string, answers: ReadonlyArray<Greedy>) => {
  expect(answers.map(({ tokens }) => tokens.length)).toEqual(prompts.map(() => length))
  expect(compare(what, alone, answers).far).toEqual([])
}

const together = (server: RunningServer, stream: boolean) =>
  Promise.all(prompts.map((prompt) => ask(server, prompt, length, stream)))

describe("greedy tokens are those of a request alone", () => {
  test("streamed, alone: in every figure", async () => {
    for (const [index, prompt] of prompts.slice(0, 2).entries()) {
      const streamed = await ask(plain, prompt, length, true)
      expect(streamed.tokens).toHaveLength(length)
      expect(streamed).toEqual(alone[index] ?? { tokens: [], names: [], logprobs: [], top: [] })
    }
  })

  test("eight in flight", async () => {
    const before = await plain.props()
    expectSame("batch of 8", await together(plain, false))
    const steps = ((await plain.props())["steps"] ?? 0) - (before["steps"] ?? 0)
    expect(steps).toBeLessThan(2 * length)
  })

  test("eight in flight, streamed", async () => {
    expectSame("batch of 8, streamed", await together(plain, true))
  })

  test("a prompt of more than 64 tokens in one step, and in chunks of 16", async () => {
    const long = readFileSync(join(projectRoot, "test/fixtures/perplexity.txt"), "utf8").trim()
    const [whole, inChunks] = [await ask(plain, long, 12), await ask(chunked, long, 12)]
    expect(compare("a long prompt in chunks", [whole], [inChunks], nearTieOfSums).far).toEqual([])
    expect(await ask(plain, long, 12)).toEqual(whole)
    expect(await ask(chunked, long, 12)).toEqual(inChunks)
  })

  test("with prompts in chunks of 16, and again where the prefix cache has them", async () => {
    expectSame("chunks of 16", await together(chunked, false))
    const before = await numbers(chunked)
    const again: Array<Greedy> = []
    for (const prompt of prompts) again.push(await ask(chunked, prompt, length))
    expectSame("chunks of 16, from the prefix cache, alone", again)
    expect((await numbers(chunked)) - before).toBeLessThanOrEqual(prompts.length)
    expectSame("chunks of 16, from the prefix cache, batch of 8, streamed", await together(chunked, true))
  })
})
