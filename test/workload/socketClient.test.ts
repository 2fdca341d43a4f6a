import { describe, expect } from "bun:test"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import type { RequestRecord } from "../../src/domain/Request.ts"
import { LoadClient, type LoadRun } from "../../src/workload/LoadClient.ts"
import type { Schedule } from "../../src/workload/Schedule.ts"
import * as SocketClient from "../../src/workload/socketClient.ts"
import { live } from "../lib/effect.ts"
import {
  type Asked,
  chunk,
  encode,
  event,
  lastChunk,
  type ScriptedServer,
  scripted,
  streamHead,
  usage,
  words,
  workload,
} from "./scriptedServer.ts"

const run = (server: ScriptedServer, n: number, schedule: Schedule, more: Partial<LoadRun> = {}) =>
  LoadClient.use((client) =>
    client.run({ endpoint: server.endpoint, schedule, requests: workload(n), encode, silenceSeconds: 5, ...more }),
  ).pipe(Effect.provide(SocketClient.layer))

const oneByOne: Schedule = { kind: "batches", batchSize: 1 }

/** The record of the one request that this script answers. */
const single = (script: (asked: Asked) => void, more: Partial<LoadRun> = {}) =>
  Effect.gen(function* () {
    const server = yield* scripted(script)
    const { requests } = yield* run(server, 1, oneByOne, more)
    expect(requests).toHaveLength(1)
    return requests[0] ?? expect.unreachable()
  })

const waitFor = (condition: () => boolean) =>
  Effect.gen(function* () {
    while (!condition()) yield* Effect.sleep("2 millis")
  }).pipe(Effect.timeout("10 seconds"))

const plain = (status: string, body: string, type = "application/json"): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

const times = (record: RequestRecord) => [
  record.scheduledSeconds,
  record.sentSeconds ?? Number.NaN,
  ...record.chunkSeconds,
  record.endSeconds ?? Number.NaN,
]

describe("one answer", () => {
  live("text, counts and times of a stream", () =>
    Effect.gen(function* () {
      const record = yield* single((asked) => asked.write(words("Hel", "lo", " wörld")))
      expect(record).toMatchObject({
        id: 0,
        error: null,
        text: "Hello wörld",
        inputTokens: 3,
        outputTokens: 3,
        finishReason: "length",
        tokenIds: null,
      })
      expect([...record.chunkTokens]).toEqual([1, 1, 1])
      expect(record.firstTokenSeconds).toBe(record.chunkSeconds[0] ?? Number.NaN)
      expect(record.lastTokenSeconds).toBe(record.chunkSeconds[2] ?? Number.NaN)
      expect(times(record)).toEqual(times(record).toSorted((a, b) => a - b))
    }),
  )

  live("chunks carry the time of their own read, not of the end", () =>
    Effect.gen(function* () {
      let second: () => void = () => {}
      const seen: Array<number> = []
      const fiber = yield* Effect.forkChild(
        single(
          (asked) => {
            asked.write(streamHead + chunk(event("a")))
            second = () =>
              asked.write(
                chunk(event("b")) + chunk(event("", usage(1, 2), "stop")) + chunk("data: [DONE]\n\n") + lastChunk,
              )
          },
          { onProgress: (_done, tokens) => void seen.push(tokens) },
        ),
      )
      yield* waitFor(() => seen.includes(1))
      const between = performance.now()
      yield* Effect.sleep("30 millis")
      second()
      const record = yield* Fiber.join(fiber)
      expect((record.chunkSeconds[1] ?? 0) - (record.chunkSeconds[0] ?? 0)).toBeGreaterThan(0.025)
      expect(performance.now()).toBeGreaterThan(between)
    }),
  )

  live("a plain JSON answer has its end and counts, and no first token", () =>
    Effect.gen(function* () {
      const body = JSON.stringify({ choices: [{ text: "abc", finish_reason: "stop" }], ...usage(2, 5) })
      const record = yield* single((asked) => asked.write(plain("200 OK", body)))
      expect(record).toMatchObject({ error: null, text: "abc", outputTokens: 5, firstTokenSeconds: null })
      expect(record.lastTokenSeconds).toBe(record.endSeconds)
      expect([...record.chunkTokens]).toEqual([5])
    }),
  )

  live("an answer that only the end of the connection delimits", () =>
    Effect.gen(function* () {
      const record = yield* single((asked) => {
        asked.write(
          `HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${event("a", usage(1, 1), "stop")}data: [DONE]`,
        )
        asked.end()
      })
      expect(record).toMatchObject({ error: null, text: "a", outputTokens: 1 })
    }),
  )

  const failures: ReadonlyArray<[string, string, RegExp, (asked: Asked) => void]> = [
    [
      "500",
      "http_500",
      /500: out of cheese/,
      (a) => a.write(plain("500 Oops", '{"error":{"message":"out of cheese"}}')),
    ],
    ["429", "http_429", /429: slow down/, (a) => a.write(plain("429 Too Many", '{"detail":"slow down"}'))],
    [
      "404 in text",
      "http_404",
      /404: no such model/,
      (a) => a.write(plain("404 Not Found", "no such model", "text/plain")),
    ],
    ["close before the answer", "reset", /before it answered/, (a) => a.end()],
    ["reset before the answer", "reset", /before it answered/, (a) => a.reset()],
    [
      "close in the body",
      "reset",
      /before the answer was complete/,
      (a) => {
        a.write(streamHead + chunk(event("a")))
        a.end()
      },
    ],
    ["not HTTP", "protocol", /not HTTP/, (a) => a.write("SSH-2.0-OpenSSH_9.2\r\n")],
    ["garbage bytes", "protocol", /not HTTP/, (a) => a.write(new Uint8Array(3000).fill(255))],
    ["a bad chunk size", "protocol", /"zz" is not a chunk size/, (a) => a.write(`${streamHead}zz\r\n`)],
    ["a chunk that is too long", "protocol", /longer than its size/, (a) => a.write(`${streamHead}1\r\nabc\r\n`)],
    [
      "a bad content-length",
      "protocol",
      /content-length/,
      (a) => a.write("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
    ],
    [
      "a compressed body",
      "protocol",
      /content-encoding gzip/,
      (a) => a.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
    ],
    [
      "an event that is not JSON",
      "protocol",
      /not JSON: \{oops/,
      (a) => a.write(streamHead + chunk("data: {oops\n\n") + chunk("data: [DONE]\n\n") + lastChunk),
    ],
    ["an empty 200", "protocol", /not JSON/, (a) => a.write(plain("200 OK", ""))],
    [
      "an error inside the stream",
      "stream_error",
      /^engine died$/,
      (a) => a.write(streamHead + chunk('data: {"error": {"message": "engine died"}}\n\n') + lastChunk),
    ],
    [
      "a stream without an end",
      "incomplete",
      /without \[DONE\]/,
      (a) => a.write(streamHead + chunk(event("a")) + lastChunk),
    ],
    [
      "no counts",
      "usage",
      /no token counts/,
      (a) => a.write(streamHead + chunk(event("a", {}, "stop")) + chunk("data: [DONE]\n\n") + lastChunk),
    ],
  ]
  for (const [name, kind, message, script] of failures)
    live(`fails with ${kind}: ${name}`, () =>
      Effect.gen(function* () {
        const record = yield* single(script)
        expect(record.error?.kind).toBe(kind)
        expect(record.error?.message).toMatch(message)
        expect(record.endSeconds).not.toBeNull()
      }),
    )

  live("fails with silence when the server goes quiet in the middle", () =>
    Effect.gen(function* () {
      const record = yield* single((asked) => asked.write(streamHead + chunk(event("a"))), { silenceSeconds: 0.15 })
      expect(record.error?.kind).toBe("silence")
      expect(record.text).toBe("a")
    }),
  )

  live("fails with connect when nothing listens", () =>
    Effect.gen(function* () {
      const server: ScriptedServer = {
        endpoint: { kind: "unix", path: "/nonexistent/llem.sock" },
        asked: [],
        open: () => 0,
        accepted: () => 0,
      }
      const { requests } = yield* run(server, 5, { kind: "closed", concurrency: 2 })
      expect(requests.map((record) => record.error?.kind)).toEqual(Array(5).fill("connect"))
      expect(requests.map((record) => record.sentSeconds)).toEqual(Array(5).fill(null))
      expect(requests[0]?.error?.message).toContain("ENOENT")
    }),
  )
})

describe("schedules, as the server sees them", () => {
  live("a batch starts when all of the one before have ended", () =>
    Effect.gen(function* () {
      const waiting: Array<Asked> = []
      const sizes: Array<Array<number>> = []
      const server = yield* scripted((asked) => {
        waiting.push(asked)
        if (waiting.length < (sizes.length < 2 ? 4 : 2)) return
        sizes.push(waiting.map((one) => one.body.id).toSorted((a, b) => a - b))
        for (const one of waiting.splice(0).toReversed()) one.write(words("x"))
      })
      const { requests, health } = yield* run(server, 10, { kind: "batches", batchSize: 4 })
      expect(sizes).toEqual([
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
      ])
      expect(requests.map((record) => record.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(requests.every((record) => record.error === null)).toBe(true)
      expect(health.connectionsOpened).toBe(4)
    }),
  )

  live("closed loop: exactly `concurrency` in flight, the next one sent when any ends", () =>
    Effect.gen(function* () {
      const waiting: Array<Asked> = []
      let most = 0
      const server = yield* scripted((asked) => {
        waiting.push(asked)
        most = Math.max(most, waiting.length)
        if (waiting.length === 3 || asked.body.id >= 10) waiting.pop()?.write(words("x"))
        if (asked.body.id === 11) for (const one of waiting.splice(0)) one.write(words("y"))
      })
      const { requests } = yield* run(server, 12, { kind: "closed", concurrency: 3 })
      expect(most).toBe(3)
      expect(server.asked.map((one) => one.body.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      expect(server.accepted()).toBe(3)
      expect(requests.every((record) => record.error === null)).toBe(true)
    }),
  )

  live("open loop: no request before its time, none waits for another, lateness is recorded", () =>
    Effect.gen(function* () {
      const held: Array<Asked> = []
      const server = yield* scripted((asked) => {
        held.push(asked)
        if (held.length === 5) for (const one of held) one.write(words("x"))
      })
      const offsetsSeconds = new Float64Array([0, 0.01, 0.01, 0.025, 0.04])

      const { requests, health } = yield* run(server, 5, { kind: "open", offsetsSeconds })
      const first = requests[0]?.scheduledSeconds ?? 0
      for (const [index, record] of requests.entries()) {
        expect(record.scheduledSeconds - first).toBeCloseTo(offsetsSeconds[index] ?? 0, 6)
        expect(record.sentSeconds ?? 0).toBeGreaterThanOrEqual(record.scheduledSeconds)
      }
      const lateness = requests.map((record) => (record.sentSeconds ?? 0) - record.scheduledSeconds)
      expect(health.sendLatenessP99Seconds).toBeGreaterThan(0)
      expect(health.sendLatenessP99Seconds).toBeLessThanOrEqual(Math.max(...lateness))
      expect(health.connectionsOpened).toBe(5)
    }),
  )

  live("300 streams at once, each with its own text", () =>
    Effect.gen(function* () {
      const all: Array<Asked> = []
      const server = yield* scripted((asked) => {
        all.push(asked)
        if (all.length < 300) return
        for (const one of all) one.write(streamHead + chunk(event(`${one.body.id}:`)))
        for (let round = 0; round < 5; round += 1) for (const one of all) one.write(chunk(event("ü")))
        for (const one of all)
          one.write(chunk(event("", usage(one.body.id, 6), "length")) + chunk("data: [DONE]\n\n") + lastChunk)
      })
      const { requests, health } = yield* run(server, 300, { kind: "closed", concurrency: 300 })
      expect(requests.map((record) => record.text)).toEqual(Array.from({ length: 300 }, (_, id) => `${id}:üüüüü`))
      expect(requests.map((record) => record.inputTokens)).toEqual(Array.from({ length: 300 }, (_, id) => id))
      expect(health.connectionsOpened).toBe(300)
      expect(health.cpuSeconds).toBeGreaterThan(0)
    }),
  )

  live("an empty workload ends at once", () =>
    Effect.gen(function* () {
      const server = yield* scripted(() => {})
      expect((yield* run(server, 0, { kind: "closed", concurrency: 2 })).requests).toEqual([])
    }),
  )
})

describe("connections", () => {
  live("one request that fails does not touch the others, and its connection is not used again", () =>
    Effect.gen(function* () {
      const server = yield* scripted((asked) => {
        if (asked.body.id === 1) asked.reset()
        else asked.write(words(`${asked.body.id}`))
      })
      const { requests } = yield* run(server, 4, { kind: "closed", concurrency: 1 }, {})
      expect(requests.map((record) => record.error?.kind ?? record.text)).toEqual(["0", "reset", "2", "3"])
    }),
  )

  live("a kept connection that the server closes just as a request comes is replaced once", () =>
    Effect.gen(function* () {
      const server = yield* scripted((asked) => {
        if (asked.connection === 0 && asked.nth === 1) asked.end()
        else asked.write(words(`${asked.body.id}`))
      })
      const { requests, health } = yield* run(server, 3, oneByOne)
      expect(requests.map((record) => record.text)).toEqual(["0", "1", "2"])
      expect(health.connectionsOpened).toBe(2)
    }),
  )

  live("`Connection: close` is honoured", () =>
    Effect.gen(function* () {
      const server = yield* scripted((asked) => {
        asked.write(words("a").replace("\r\n", "\r\nConnection: close\r\n"))
        asked.end()
      })
      const { requests, health } = yield* run(server, 3, oneByOne)
      expect(requests.every((record) => record.error === null)).toBe(true)
      expect(health.connectionsOpened).toBe(3)
    }),
  )

  live("over a unix socket, with the request well formed", () =>
    Effect.gen(function* () {
      const path = join(mkdtempSync(join(tmpdir(), "llem-client-")), "engine.sock")
      const server = yield* scripted((asked) => asked.write(words("a")), path)
      const { requests } = yield* run(server, 1, oneByOne)
      expect(requests[0]?.text).toBe("a")
      const head = server.asked[0]?.head ?? ""
      expect(head).toStartWith("POST /v1/completions HTTP/1.1\r\n")
      expect(head).toContain("\r\nhost: localhost\r\n")
      expect(head).toContain("\r\nauthorization: Bearer k\r\n")
    }),
  )

  live("more connections than the limit of open files allows are an error that says so, not a smaller load", () =>
    Effect.gen(function* () {
      const server = yield* scripted((asked) => asked.write(words("a")))
      if (server.endpoint.kind !== "tcp") return expect.unreachable()
      const client = join(import.meta.dir, "limitedClient.ts")
      const shell = `ulimit -n 64; exec "$0" "$1" "$2"`
      const child = Bun.spawn(["bash", "-c", shell, process.execPath, client, String(server.endpoint.port)], {
        stdout: "pipe",
        stderr: "inherit",
      })
      const said: unknown = JSON.parse(yield* Effect.promise(() => new Response(child.stdout).text()))
      expect(said).toMatchObject({ _tag: "LocalError", reason: "port", details: { code: "EMFILE" } })
    }),
  )

  live("interruption closes every connection at once", () =>
    Effect.gen(function* () {
      const server = yield* scripted((asked) => asked.write(streamHead))
      const fiber = yield* Effect.forkChild(run(server, 50, { kind: "closed", concurrency: 20 }))
      yield* waitFor(() => server.asked.length === 20)
      yield* Fiber.interrupt(fiber)
      yield* waitFor(() => server.open() === 0)
      expect(server.accepted()).toBe(20)
    }),
  )
})
