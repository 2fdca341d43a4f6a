import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { isRecord } from "../../src/domain/Unknown.ts"
import { quick, realModel } from "../lib/env.ts"
import { type FuzzedRequest, fuzzed } from "./fuzzBodies.ts"
import { type RunningServer, startServer, syntheticModel } from "./server.ts"

setDefaultTimeout(120_000)

const statuses = new Set([200, 400, 404, 413, 429])
const inFlight = 16

const isError = (value: unknown): boolean => {
  const error = isRecord(value) ? value["error"] : null
  if (!isRecord(error) || Object.keys(error).sort().join() !== "code,message,param,type") return false
  const { message, type, param, code } = error
  const nullable = [param, code].every((one) => one === null || typeof one === "string")
  return typeof message === "string" && message !== "" && message.length < 1000 && typeof type === "string" && nullable
}

const ended = new Set(["stop", "length"])

const isWhole = (value: unknown): boolean => {
  const choices = isRecord(value) ? value["choices"] : null
  if (!isRecord(value) || !Array.isArray(choices) || choices.length === 0) return false
  return isRecord(value["usage"]) && choices.every((choice) => ended.has(choice.finish_reason))
}

const isStream = (text: string): boolean => {
  if (!text.endsWith("data: [DONE]\n\n")) return false
  const chunks = text.split("\n\n").slice(0, -2)
  return chunks.every((chunk) => chunk.startsWith("data: {") && isRecord(JSON.parse(chunk.slice("data: ".length))))
}

/** Why an answer is not one that the protocol allows; null where it is. */
const fault = (status: number, text: string): string | null => {
  const said = `${status} ${text.slice(0, 300)}`
  if (!statuses.has(status)) return said
  if (status === 200 && text.startsWith("data: ")) return isStream(text) ? null : said
  const body: unknown = JSON.parse(text)
  return (status === 200 ? isWhole(body) : isError(body)) ? null : said
}

for (const [name, model, count] of [
  ["a synthetic model", syntheticModel, quick ? 300 : 2000],
  ["a real model", realModel, quick ? 30 : 150],
] as const)
  describe(`${count} damaged bodies to ${name}`, () => {
    let server: RunningServer
    beforeAll(async () => {
      server = await startServer(model(), 8)
    })
    afterAll(() => server.stop())

    const send = async ({ path, body }: FuzzedRequest) => {
      const response = await fetch(server.url + path, { method: "POST", body })
      return { status: response.status, text: await response.text() }
    }

    test("are each answered by a completion or by an error in OpenAI's shape, and the server goes on", async () => {
      const faults: Array<string> = []
      const seen = new Map<number, number>()
      let next = 0
      const worker = async () => {
        while (next < count) {
          const number = next++
          const { status, text } = await send(fuzzed(number))
          seen.set(status, (seen.get(status) ?? 0) + 1)
          const wrong = fault(status, text)
          if (wrong !== null) faults.push(`${number}: ${fuzzed(number).body.slice(0, 200)} -> ${wrong}`)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, worker))
      console.log(`answers by status: ${JSON.stringify(Object.fromEntries(seen))}`)
      expect(faults).toEqual([])
      for (const status of [200, 400]) expect(seen.get(status) ?? 0).toBeGreaterThan(count / 10)
      const response = await server.post({ prompt: [5, 6], max_tokens: 3, ignore_eos: true, temperature: 0 })
      expect(JSON.parse(await response.text()).usage.completion_tokens).toBe(3)
      expect(await server.props()).toMatchObject({ active: 0, queued: 0 })
    })
  })
