import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Connection, open, requestOf } from "./rawHttp.ts"
import { type RunningServer, residentMebibytes, startServer, syntheticModel } from "./server.ts"

setDefaultTimeout(60_000)

let server: RunningServer
beforeAll(async () => {
  server = await startServer(syntheticModel(), 4)
})
afterAll(() => server.stop())

const connections: Array<Connection> = []
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close()
})
const opened = async (bytes: string | Uint8Array = "") => {
  const connection = await open(server, bytes)
  connections.push(connection)
  return connection
}

const prompt = [300, 307, 314]
const asked = (more: Record<string, unknown> = {}) => ({
  model: "m",
  prompt,
  max_tokens: 4,
  temperature: 0,
  ignore_eos: true,
  return_token_ids: true,
  ...more,
})

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("it did not happen within 20 s")
    await Bun.sleep(5)
  }
}

const idle = () => until(async () => (await server.props())["active"] === 0 && (await server.props())["queued"] === 0)

/** The tokens of a greedy answer. */
const answer = async (more: Record<string, unknown> = {}): Promise<ReadonlyArray<number>> => {
  const response = await server.post(asked(more))
  expect(response.status).toBe(200)
  return JSON.parse(await response.text()).choices[0].token_ids
}

const codeOf = async (body: string) => {
  const response = await fetch(`${server.url}/v1/completions`, { method: "POST", body })
  return [response.status, JSON.parse(await response.text()).error.code]
}

describe("what is no request", () => {
  test("garbage is answered with 400 or a closed connection, and the server goes on", async () => {
    const blobs: ReadonlyArray<string | Uint8Array> = [
      "\r\n\r\n\r\n\r\n",
      "hello\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "POST /v1/completions HTTP/1.1\r\nhost: h\r\ncontent-length: -5\r\n\r\n",
      "POST /v1/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 1e9\r\n\r\n",
      "POST /v1/completions HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: h\r\n\r\n`,
      `GET /health HTTP/1.1\r\nhost: h\r\n${"x: y\r\n".repeat(20_000)}\r\n`,
      Uint8Array.from({ length: 4096 }, (_, index) => (index * 151) % 256),
      Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03),
    ]
    const before = await answer()
    const garbage = await Promise.all(blobs.map(opened))
    expect(await answer()).toEqual([...before])
    for (const connection of garbage) {
      connection.socket.end()
      const received = await connection.until("\r\n\r\n")
      expect(received).not.toContain("HTTP/1.1 200")
      expect(received).not.toContain("HTTP/1.1 500")
    }
    expect(await answer()).toEqual([...before])
  })

  test("half a request holds up nobody, whether it stays silent or goes away", async () => {
    const whole = requestOf(asked())
    const before = await answer()
    const silent = await Promise.all([1, 20, 60, whole.length - 1].map((length) => opened(whole.slice(0, length))))
    for (const length of [1, 20, 60, whole.length - 1]) (await open(server, whole.slice(0, length))).close()
    for (let index = 0; index < 3; index++) expect(await answer()).toEqual([...before])
    silent[3]?.socket.write(whole.slice(-1))
    expect(await silent[3]?.until("}]")).toContain("HTTP/1.1 200")
    await idle()
  })
})

describe("large bodies", () => {
  test("ten megabytes are read and refused for their length, as text and as tokens, and over the limit with 413", async () => {
    const tokens = Array.from({ length: 2_000_000 }, () => 5000)
    const text = "<|im_start|> ".repeat(800_000)
    expect(await codeOf(JSON.stringify({ prompt: tokens }))).toEqual([400, "context_length_exceeded"])
    expect(await codeOf(JSON.stringify({ prompt: text }))).toEqual([400, "context_length_exceeded"])
    expect(await codeOf(JSON.stringify({ prompt: text.repeat(2) }))).toEqual([413, "request_too_large"])
    expect(await answer()).toHaveLength(4)
  })

  test("many prompts with many answers each are too many, whatever they would be", async () => {
    const many = JSON.stringify({ prompt: Array.from({ length: 100_000 }, () => [1]), n: 128, max_tokens: 1 })
    expect(await codeOf(many)).toEqual([400, null])
    expect(await codeOf(`{"prompt":${"[".repeat(1e6)}${"]".repeat(1e6)}}`)).toEqual([400, null])
    expect(await answer()).toHaveLength(4)
  })
})

describe("many clients", () => {
  test("with a thousand connections open at once, requests on three hundred of them are all answered", async () => {
    const expected = await answer()
    await Promise.all(Array.from({ length: 1000 }, () => opened()))
    const busy = connections.slice(350, 650)
    for (const { socket } of busy) socket.write(requestOf(asked()))
    const answers = await Promise.all(busy.map((connection) => connection.until("}}")))
    for (const received of answers) {
      expect(received).toStartWith("HTTP/1.1 200")
      expect(JSON.parse(received.slice(received.indexOf("{"))).choices[0].token_ids).toEqual(expected)
    }
    expect(await answer()).toEqual([...expected])
  })

  test("those that go away in mid-stream free their places at once, and change nothing for the others", async () => {
    const long = { max_tokens: 200, prompt: [400, 401] }
    const expected = await answer(long)
    const generated = async () => (await server.props())["decoded_tokens"] ?? Number.NaN
    const before = await generated()
    const staying = [answer(long), answer(long)]
    const leaving = await Promise.all([1, 2].map(() => opened(requestOf(asked({ max_tokens: 250, stream: true })))))
    for (const connection of leaving) await connection.until("data: ")
    for (const connection of leaving) connection.close()
    await until(async () => ((await server.props())["active"] ?? 4) <= 2)
    for (const one of staying) expect(await one).toEqual([...expected])
    await idle()
    // Of the 498 tokens that they would have had, next to none.
    expect((await generated()) - before).toBeLessThan(2 * 199 + 100)
  })

  test("a client that goes away while its request waits leaves the queue", async () => {
    const running = Array.from({ length: 4 }, () => answer({ max_tokens: 250 }))
    await until(async () => (await server.props())["active"] === 4)
    const waiting = await opened(requestOf(asked()))
    await until(async () => (await server.props())["queued"] === 1)
    waiting.close()
    await until(async () => (await server.props())["queued"] === 0)
    expect((await server.props())["active"]).toBe(4)
    await Promise.all(running)
  })

  test("a full queue is 429, takes little memory, and is there again once it is empty", async () => {
    const before = residentMebibytes(server.pid)
    const flood = { prompt: Array.from({ length: 1024 }, () => prompt), n: 4, max_tokens: 200, stream: true }
    const full = await opened(requestOf(asked(flood)))
    await full.until("data: ")
    expect(residentMebibytes(server.pid) - before).toBeLessThan(300)
    const refused = await Promise.all([1, 2, 3].map(() => server.post(asked({ n: 8 }))))
    for (const response of refused) {
      expect(response.status).toBe(429)
      expect(JSON.parse(await response.text()).error).toMatchObject({ type: "rate_limit_error", code: "queue_full" })
    }
    full.close()
    await idle()
    expect(await answer()).toHaveLength(4)
  })
})
