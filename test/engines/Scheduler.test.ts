import { describe, expect, test } from "bun:test"
import type { Job, Observer } from "../../src/engines/embedded/Job.ts"
import { Scheduler } from "../../src/engines/embedded/Scheduler.ts"
import type { AddonContext, AddonSampler } from "../../src/platform/llamaAddon.ts"
import { end, fakeContext, job, model, options } from "./scheduling.ts"

describe("the scheduler", () => {
  test("a job that is cancelled in the middle brings no further token and gives its sequence to the next one", async () => {
    let cancel = () => {}
    const { context, freed } = fakeContext({
      onStep: (step) => {
        if (step === 3) cancel()
      },
    })
    const scheduler = new Scheduler(context, model, options(1, 16))
    const gone = job({ maxTokens: 1000 })
    const next = job()
    cancel = scheduler.submit(gone.job)
    scheduler.submit(next.job)
    expect(await next.log.ended.promise).toBe("length 4")
    expect(gone.log).toMatchObject({ tokens: 2, drawn: 1, idle: 1 })
    expect(next.log).toMatchObject({ drawn: 1, idle: 1, busy: 0 })
    expect(freed).toEqual([0, 0])
    expect(scheduler.counts()).toMatchObject({ active: 0, queued: 0 })
  })

  test("a job that is cancelled in the queue never runs", async () => {
    const { context } = fakeContext()
    const scheduler = new Scheduler(context, model, options(1, 16))
    const first = job()
    const second = job()
    scheduler.submit(first.job)
    scheduler.submit(second.job)()
    await first.log.ended.promise
    expect(second.log).toMatchObject({ tokens: 0, drawn: 0, idle: 0 })
    expect(scheduler.counts().prefillTokens).toBe(3)
  })

  test("a step that fails ends every job of it, and those that come later run", async () => {
    const { context, freed } = fakeContext({
      onStep: (step) => {
        if (step === 2) throw new Error("no room")
      },
    })
    const scheduler = new Scheduler(context, model, options(2, 16))
    const jobs = [job(), job(), job()]
    for (const one of jobs) scheduler.submit(one.job)
    const ended = await Promise.all(jobs.map((one) => one.log.ended.promise))
    expect(ended).toEqual(["failed: Error: no room", "failed: Error: no room", "length 4"])
    expect(freed).toHaveLength(3)
    expect(jobs.map(({ log }) => [log.idle, log.busy])).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
    ])
  })

  test("a job whose sampler cannot be made fails alone, and its sequence is there for the next one", async () => {
    const scheduler = new Scheduler(fakeContext().context, model, options(1, 16))
    const broken = job({
      draw: () => {
        throw new Error("no sampler")
      },
    })
    const next = job()
    scheduler.submit(broken.job)
    scheduler.submit(next.job)
    expect(await broken.log.ended.promise).toBe("failed: Error: no sampler")
    expect(await next.log.ended.promise).toBe("length 4")
    expect(scheduler.counts()).toMatchObject({ active: 0, queued: 0 })
  })

  test("an end token ends a job, unless the job goes to its full length", async () => {
    const { context } = fakeContext({ token: end })
    const scheduler = new Scheduler(context, model, options(2, 16))
    const short = job()
    const full = job({ ignoreEos: true })
    scheduler.submit(short.job)
    scheduler.submit(full.job)
    expect(await short.log.ended.promise).toBe("stop 0")
    expect(await full.log.ended.promise).toBe("length 4")
    expect([short.log.tokens, full.log.tokens]).toEqual([0, 4])
  })

  test("an observer sees each token that was drawn, at its place in the batch, and goes with its job", async () => {
    const { context } = fakeContext()
    const scheduler = new Scheduler(context, model, options(2, 16))
    const seen: Array<readonly [number, number]> = []
    const told: Array<number | null> = []
    const observer: Observer = {
      read: async (place, token) => {
        seen.push([place, token])
        return { chosen: -seen.length, top: [] }
      },
    }
    const onToken: Job["onToken"] = (_token, _count, distribution) => void told.push(distribution?.chosen ?? null)
    const watched = job({ onToken }, observer)
    const plain = job()
    scheduler.submit(plain.job)
    scheduler.submit(watched.job)
    await Promise.all([plain.log.ended.promise, watched.log.ended.promise])
    expect(seen).toEqual([
      [5, 7],
      [1, 7],
      [1, 7],
      [1, 7],
    ])
    expect(told).toEqual([-1, -2, -3, -4])
    expect([watched.log.idle, plain.log.tokens]).toEqual([1, 4])
    expect(scheduler.counts()).toMatchObject({ generatedTokens: 8, contextTokens: 0 })
  })

  test("a prompt that is looked at is told of at each token but its first, 32 in a step, and may be all there is", async () => {
    const { context, batches } = fakeContext()
    const scheduler = new Scheduler(context, model, options(1, 64))
    const seen: Array<readonly [number, number]> = []
    const observer: Observer = {
      read: async (place, token) => {
        seen.push([place, token])
        return { chosen: -token, top: [] }
      },
    }
    const told: Array<ReadonlyArray<number>> = []
    const prompt = Uint32Array.from({ length: 34 }, (_, index) => 100 + index)
    const onPrompt: Job["onPrompt"] = (distributions) => void told.push(distributions.map(({ chosen }) => -chosen))
    const read = job({ prompt, onPrompt, maxTokens: 0 }, observer)
    scheduler.submit(read.job)
    expect(await read.log.ended.promise).toBe("length 0")
    expect(read.log).toMatchObject({ tokens: 0, idle: 1 })
    expect(told).toEqual([[...prompt.subarray(1)]])
    expect(seen.slice(30)).toEqual([
      [30, 131],
      [31, 132],
      [0, 133],
    ])
    const answered = job({ prompt: prompt.subarray(0, 3), onPrompt }, observer)
    scheduler.submit(answered.job)
    expect(await answered.log.ended.promise).toBe("length 4")
    expect(told[1]).toEqual([101, 102])
    expect(batches).toEqual([32, 2, 3, 1, 1, 1])
  })

  test("no step carries more than the batch holds, decoding first and prompts in what is left", async () => {
    const { context, batches } = fakeContext()
    const scheduler = new Scheduler(context, model, options(3, 4))
    const jobs = [job(), job({ prompt: Uint32Array.from({ length: 9 }, () => 1) }), job()]
    for (const one of jobs) scheduler.submit(one.job)
    for (const one of jobs) expect(await one.log.ended.promise).toBe("length 4")
    expect(Math.max(...batches)).toBeLessThanOrEqual(4)
    // One token of the first, which is being generated, and half a chunk of the second.
    expect(batches.slice(0, 2)).toEqual([4, 3])
    expect(scheduler.counts()).toMatchObject({ prefillTokens: 15, decodedTokens: 9 })
  })

  test("a sampler that fails ends its own sequence only, once every other one has been asked", async () => {
    const order: Array<string> = []
    const { context } = fakeContext()
    const broken = job({ maxTokens: 3 })
    const whole = job({ maxTokens: 3 })
    const samplers = new Map<AddonSampler, string>()
    const named = (one: typeof broken, name: string): Job => {
      const { draw } = one.job
      return {
        ...one.job,
        draw: () => {
          const drawing = draw()
          samplers.set(drawing.sampler, name)
          return drawing
        },
      }
    }
    const failing: AddonContext = {
      ...context,
      sampleToken: async (_index, sampler) => {
        order.push(samplers.get(sampler) ?? "")
        if (samplers.get(sampler) === "broken") throw new Error("no candidates")
        return 7
      },
    }
    const scheduler = new Scheduler(failing, model, options(2, 16))
    scheduler.submit(named(broken, "broken"))
    scheduler.submit(named(whole, "whole"))
    expect(await broken.log.ended.promise).toContain("no candidates")
    expect(await whole.log.ended.promise).toBe("length 3")
    expect(order).toEqual(["broken", "whole", "whole", "whole"])
  })
})
