import { describe, expect, test } from "bun:test"
import { Scheduler } from "../../src/engines/embedded/Scheduler.ts"
import { fakeContext, job, model, options } from "./scheduling.ts"

const cached = options(2, 64, { prefixCache: true })
const prompt = (...tokens: ReadonlyArray<number>) => Uint32Array.from(tokens)

const run = async (scheduler: Scheduler, tokens: Uint32Array): Promise<string> => {
  const one = job({ prompt: tokens, maxTokens: 2 })
  scheduler.submit(one.job)
  return one.log.ended.promise
}

describe("the prefix cache", () => {
  test("spares a prompt what an earlier one began with, its output included", async () => {
    const { context, positions, cut, freed } = fakeContext()
    const scheduler = new Scheduler(context, model, cached)
    await run(scheduler, prompt(1, 2, 3))
    // Three of the prompt, and the first token that came out, which was fed for the second.
    expect(scheduler.counts().contextTokens).toBe(4)
    positions.length = 0
    await run(scheduler, prompt(1, 2, 3, 7, 9))
    expect(cut).toEqual([[0, 4]])
    expect(positions[0]).toEqual([0, 4, 1])
    expect(freed).toEqual([])
    expect(scheduler.counts()).toMatchObject({ cachedTokens: 4, prefillTokens: 4 })
  })

  test("keeps another prompt's sequence while an empty one is free", async () => {
    const { context, positions } = fakeContext()
    const scheduler = new Scheduler(context, model, cached)
    await run(scheduler, prompt(1, 2, 3))
    positions.length = 0
    await run(scheduler, prompt(5, 6))
    expect(positions[0]).toEqual([1, 0, 2])
    expect(scheduler.counts().cachedTokens).toBe(0)
  })

  test("that is emptied has nothing for anybody, also of what ran meanwhile", async () => {
    const { context, positions, freed } = fakeContext({
      onStep: (step) => {
        if (step === 3) scheduler.forget()
      },
    })
    const scheduler = new Scheduler(context, model, cached)
    await run(scheduler, prompt(1, 2, 3))
    await run(scheduler, prompt(5, 6))
    expect(freed.toSorted()).toEqual([0, 1])
    expect(scheduler.counts().contextTokens).toBe(0)
    positions.length = 0
    await run(scheduler, prompt(1, 2, 3))
    expect(positions[0]?.[1]).toBe(0)
    expect(scheduler.counts().cachedTokens).toBe(0)
  })

  test("is of no use with a memory that cannot be cut: the sequence is emptied and computed anew", async () => {
    const { context, positions, freed } = fakeContext({ cuts: false })
    const scheduler = new Scheduler(context, model, options(1, 64, { prefixCache: true }))
    await run(scheduler, prompt(1, 2, 3))
    positions.length = 0
    await run(scheduler, prompt(1, 2, 3))
    expect(freed).toEqual([0])
    expect(positions[0]).toEqual([0, 0, 3])
  })

  test("keeps nothing of a job whose step failed", async () => {
    const { context, freed } = fakeContext({
      onStep: (step) => {
        if (step === 1) throw new Error("no room in the KV cache")
      },
    })
    const scheduler = new Scheduler(context, model, cached)
    expect(await run(scheduler, prompt(1, 2, 3))).toContain("no room in the KV cache")
    expect(freed).toEqual([0])
    expect(scheduler.counts()).toMatchObject({ contextTokens: 0, active: 0 })
  })

  test("is emptied between steps, never while one is on its way", async () => {
    const { context, freed } = fakeContext({
      onStep: (step) => {
        if (step !== 3) return
        scheduler.forget()
        expect(freed).toEqual([])
      },
    })
    const scheduler = new Scheduler(context, model, cached)
    await run(scheduler, prompt(1, 2, 3))
    await run(scheduler, prompt(5, 6))
    expect(freed.toSorted()).toEqual([0, 1])
  })

  test("is off unless asked for", async () => {
    const { context, freed, cut } = fakeContext()
    const scheduler = new Scheduler(context, model, options(2, 64))
    await run(scheduler, prompt(1, 2, 3))
    await run(scheduler, prompt(1, 2, 3))
    expect(freed).toHaveLength(2)
    expect(cut).toEqual([])
    expect(scheduler.counts()).toMatchObject({ cachedTokens: 0, contextTokens: 0 })
  })
})

describe("prompts in one batch", () => {
  test("go in the order in which they came, never more than the chunk a step, half of it while others decode", async () => {
    const { context, positions } = fakeContext()
    const scheduler = new Scheduler(context, model, options(3, 32, { prefillTokens: 16 }))
    const first = job({ prompt: prompt(1, 2, 3), maxTokens: 4 })
    const long = job({ prompt: Uint32Array.from({ length: 40 }, () => 1), maxTokens: 1 })
    const last = job({ prompt: prompt(4, 5), maxTokens: 1 })
    for (const one of [first, long, last]) scheduler.submit(one.job)
    await Promise.all([first, long, last].map(({ log }) => log.ended.promise))
    expect(positions).toEqual([
      [0, 0, 3],
      [1, 0, 13],
      [0, 3, 1],
      [1, 13, 8],
      [0, 4, 1],
      [1, 21, 8],
      [0, 5, 1],
      [1, 29, 8],
      [1, 37, 3],
      [2, 0, 2],
    ])
  })
})
