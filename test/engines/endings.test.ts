import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { realModel } from "../lib/env.ts"
import { ask, texts } from "./greedy.ts"
import { type RunningServer, startServer } from "./server.ts"

setDefaultTimeout(60_000)

let server: RunningServer
beforeAll(async () => {
  server = await startServer(realModel(), 8)
})
afterAll(() => server.stop())

interface Choice {
  readonly text: string
  readonly finish_reason: string
  readonly token_ids: ReadonlyArray<number>
}

const choiceOf = async (more: Record<string, unknown>): Promise<Choice> => {
  const response = await server.post({ prompt: texts(1)[0], max_tokens: 24, return_token_ids: true, ...more })
  const text = await response.text()
  if (response.status !== 200) throw new Error(text)
  return JSON.parse(text).choices[0]
}

/** The same with three other requests at work, some of which begin and end meanwhile. */
const inCompany = async (more: Record<string, unknown>): Promise<Choice> => {
  const others = texts(3).map((text, index) => ask(server, text, 4 + index * 4, index === 1))
  const choice = await choiceOf(more)
  await Promise.all(others)
  return choice
}

describe("a seed", () => {
  const drawn = { temperature: 1, ignore_eos: true }

  test("gives the same tokens, alone and while other requests run", async () => {
    for (const more of [{}, { top_p: 0.9, top_k: 50 }, { repetition_penalty: 1.2 }]) {
      const alone = await choiceOf({ ...drawn, ...more, seed: 11 })
      expect(alone.token_ids).toHaveLength(24)
      expect(await choiceOf({ ...drawn, ...more, seed: 11 })).toEqual(alone)
      expect(await inCompany({ ...drawn, ...more, seed: 11 })).toEqual(alone)
    }
  })

  test("other seeds give other tokens, and so do requests without one", async () => {
    const answers: Array<string> = []
    for (const seed of [1, 2, 3, 4]) answers.push((await choiceOf({ ...drawn, seed })).text)
    for (let index = 0; index < 3; index++) answers.push((await choiceOf(drawn)).text)
    expect(new Set(answers).size).toBe(answers.length)
  })
})

describe("an answer that ends by itself", () => {
  const end = 2
  const greedy = {
    prompt: "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    temperature: 0,
    max_tokens: 60,
  }
  let whole: Choice
  beforeAll(async () => {
    whole = await choiceOf(greedy)
  })

  test("is short, and has no end token in it", () => {
    expect(whole.finish_reason).toBe("stop")
    expect(whole.text).toContain("Paris")
    expect(whole.token_ids.length).toBeLessThan(20)
    expect(whole.token_ids).not.toContain(end)
  })

  test("goes on to the last token with ignore_eos", async () => {
    const on = await inCompany({ ...greedy, ignore_eos: true })
    expect(on.finish_reason).toBe("length")
    expect(on.token_ids).toHaveLength(60)
    expect(on.token_ids.slice(0, whole.token_ids.length)).toEqual([...whole.token_ids])
    expect(on.token_ids).not.toContain(end)
  })

  test("goes on to min_tokens, no further than the next end token, and is the same where that is no more than it has", async () => {
    const length = whole.token_ids.length
    expect(await inCompany({ ...greedy, min_tokens: length })).toEqual(whole)
    const one = await inCompany({ ...greedy, min_tokens: length + 1 })
    expect(one.token_ids.length).toBeGreaterThan(length)
    expect(one.token_ids.slice(0, length)).toEqual([...whole.token_ids])
    expect(one.token_ids).not.toContain(end)
    expect(await inCompany({ ...greedy, min_tokens: 60 })).toEqual(await choiceOf({ ...greedy, ignore_eos: true }))
  })

  test("ends before a stop text, wherever in a token that begins", async () => {
    for (const stop of ["Paris", "aris", "is Pa", whole.text.slice(-2)]) {
      const cut = await inCompany({ ...greedy, stop })
      expect(cut.finish_reason).toBe("stop")
      expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)))
      expect(cut.token_ids).toEqual(whole.token_ids.slice(0, cut.token_ids.length))
    }
    expect(await inCompany({ ...greedy, stop: "Paris", min_tokens: whole.token_ids.length })).toEqual(whole)
  })
})
