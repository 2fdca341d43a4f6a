import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { quick } from "../lib/env.ts"
import { type RunningServer, residentMebibytes, startServer, syntheticModel } from "./server.ts"

setDefaultTimeout(120_000)

const inFlight = 32

let server: RunningServer
beforeAll(async () => {
  server = await startServer(syntheticModel(), 8, { prefixCache: true })
})
afterAll(() => server.stop())

const openFiles = (): number =>
  [...new Bun.Glob("*").scanSync({ cwd: `/proc/${server.pid}/fd`, onlyFiles: false })].length

/** Requests of every kind by turns: whole, streamed, with log probabilities, with penalties, refused, and left. */
const send = async (number: number): Promise<void> => {
  const body = { prompt: [300 + (number % 5000), 7], max_tokens: 1, ignore_eos: true }
  const kinds = [
    {},
    { stream: true, stream_options: { include_usage: true } },
    { logprobs: 3 },
    { repetition_penalty: 1.2, seed: number },
    { top_p: 0.9, n: 2 },
    { max_tokens: 5000 },
  ]
  const leave = new AbortController()
  const answer = fetch(`${server.url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ ...body, ...kinds[number % kinds.length] }),
    signal: leave.signal,
  })
  if (number % 50 === 0) {
    leave.abort()
    await answer.catch(() => {})
  } else expect((await (await answer).text()).length).toBeGreaterThan(50)
}

const sendAll = async (from: number, to: number): Promise<void> => {
  let next = from
  const worker = async () => {
    while (next < to) await send(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

describe("ten thousand requests", () => {
  test.skipIf(quick)("leave memory and open files as they were after the first two thousand", async () => {
    const points: Array<number> = []
    for (let thousand = 0; thousand < 10; thousand++) {
      await sendAll(thousand * 1000, (thousand + 1) * 1000)
      points.push(Math.round(residentMebibytes(server.pid)))
    }
    console.log(`MiB resident after each thousand requests: ${points.join(" ")}; open files: ${openFiles()}`)
    expect(Math.max(...points.slice(2)) - (points[1] ?? 0)).toBeLessThan(32)
    expect(openFiles()).toBeLessThan(inFlight + 60)
    expect(await server.props()).toMatchObject({ active: 0, queued: 0 })
  })
})
