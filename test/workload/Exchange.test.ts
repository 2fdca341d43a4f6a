import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import type { RequestRecord } from "../../src/domain/Request.ts"
import { Exchange } from "../../src/workload/Exchange.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { chunk, event, lastChunk, streamHead, usage, words } from "./scriptedServer.ts"

const encoder = new TextEncoder()

/** Feeds bytes in pieces that end at these offsets, at times 1, 2, ..., parsing a little after some of them. */
const exchange = (text: string, ends: ReadonlyArray<number>, budget = 1_000, close = false): RequestRecord => {
  const bytes = encoder.encode(text)
  const one = new Exchange(7, 0)
  one.sent(0.5)
  let from = 0
  for (const [index, end] of [...ends, bytes.length].entries()) {
    if (end > from) one.feed(bytes.slice(from, end), index + 1)
    from = Math.max(from, end)
    if (index % 3 === 0) one.step(budget)
  }
  if (close) one.closed(null, ends.length + 2)
  while (!one.parsed && one.ended) one.step(budget)
  return one.record()
}

/** A record without what depends on when things were read. */
const timeless = (record: RequestRecord) => {
  const { endSeconds, firstTokenSeconds, lastTokenSeconds, chunkSeconds, chunkTokens, ...rest } = record
  return {
    ...rest,
    ended: endSeconds !== null,
    tokens: [...chunkTokens],
    first: firstTokenSeconds !== null && firstTokenSeconds === chunkSeconds[0],
    last: lastTokenSeconds !== null && lastTokenSeconds === chunkSeconds.at(-1),
    ordered: chunkSeconds.every((at, index) => at >= (chunkSeconds[index - 1] ?? 0)),
  }
}

const crlf = (text: string): string => text.replaceAll("\n", "\r\n")

const length = (body: string, status = "200 OK", type = "text/event-stream"): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${encoder.encode(body).length}\r\n\r\n${body}`

/** Two chunks of a chunked body that do not respect events or characters. */
const split = (body: string, at: number): string => {
  const bytes = encoder.encode(body)
  const latin1 = (part: Uint8Array) =>
    `${part.length.toString(16)};ext=1\r\n${Array.from(part, (b) => String.fromCharCode(b)).join("")}\r\n`
  return latin1(bytes.slice(0, at)) + latin1(bytes.slice(at))
}

const stream =
  `: ping\n\nevent: message\nid: 3\n${event("Grüße ", usage(4, 1))}${event("", usage(4, 2))}` +
  `: another\n${event("🦙🦙", usage(4, 5))}${event("", usage(4, 5), "length")}data:[DONE]\n\n`

const answers: ReadonlyArray<[string, string, boolean]> = [
  ["final counts only", words("a", "bc", "", "dé"), false],
  ["counts in every chunk, comments, fields", streamHead + chunk(stream) + lastChunk, false],
  ["CRLF lines", streamHead + chunk(crlf(stream)) + lastChunk, false],
  ["by content-length", length(stream), false],
  ["until the end of the connection", `HTTP/1.1 200 OK\r\n\r\n${stream.trimEnd()}`, true],
  [
    "after 100 Continue, with trailers",
    `HTTP/1.1 100 Continue\r\n\r\n${streamHead}${chunk(stream)}0\r\nx-t: 1\r\n\r\n`,
    false,
  ],
  [
    "JSON over several data lines",
    length(
      'data: {"choices": [{"text": "x",\ndata: "finish_reason": "stop"}],\ndata: "usage": {"prompt_tokens": 1, "completion_tokens": 1}}\n\n',
    ),
    false,
  ],
  [
    "one JSON answer",
    length(
      JSON.stringify({ choices: [{ text: "héllo", finish_reason: "stop" }], ...usage(1, 9) }),
      "200 OK",
      "application/json",
    ),
    false,
  ],
  ["an error", length('{"error":{"message":"zu groß"}}', "503 Busy", "application/json"), false],
  ["cut short", words("a", "b").slice(0, -30), true],
  ["garbage after some tokens", `${streamHead}${chunk(event("a"))}!!${chunk(event("b"))}`, false],
  ["bytes after the end", `${words("a")}HTTP/1.1 500`, false],
]

describe("answers in pieces", () => {
  const cuts = arbitraryOf(
    Schema.Struct({
      ends: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 900 }))),
      budget: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
    }),
  )
  for (const [name, text, close] of answers) {
    const whole = timeless(exchange(text, [], 1_000, close))
    prop(`${name}: the same record however it is cut`, cuts, ({ ends, budget }) => {
      const pieces = exchange(
        text,
        ends.toSorted((a, b) => a - b),
        budget,
        close,
      )
      expect(timeless(pieces)).toEqual(whole)
      return true
    })
    test(`${name}: the same record byte by byte`, () => {
      const every = Array.from({ length: encoder.encode(text).length }, (_, index) => index + 1)
      expect(timeless(exchange(text, every, 1, close))).toEqual(whole)
    })
  }

  test("what the answers above say", () => {
    const read = (name: string) => {
      const found = answers.find((answer) => answer[0] === name) ?? expect.unreachable()
      return exchange(found[1], [], 1_000, found[2])
    }
    expect(read("final counts only")).toMatchObject({ text: "abcdé", outputTokens: 4, inputTokens: 3, error: null })
    for (const name of [
      "counts in every chunk, comments, fields",
      "CRLF lines",
      "by content-length",
      "until the end of the connection",
    ]) {
      const record = read(name)
      expect(record).toMatchObject({ text: "Grüße 🦙🦙", outputTokens: 5, inputTokens: 4, error: null })
      expect([...record.chunkTokens]).toEqual([1, 1, 3])
    }
    expect(read("JSON over several data lines")).toMatchObject({ text: "x", outputTokens: 1, error: null })
    expect(read("an error").error).toEqual({ kind: "http_503", message: "The server answered 503: zu groß" })
    expect(read("cut short")).toMatchObject({ text: "ab", error: { kind: "reset" } })
    expect(read("garbage after some tokens")).toMatchObject({ text: "a", error: { kind: "protocol" } })
    expect(read("bytes after the end")).toMatchObject({ text: "a", error: null })
  })

  test("a chunk border inside a character and inside an event", () => {
    const bytes = encoder.encode(stream)
    const inLlama = bytes.indexOf(0xf0) + 2
    const raw = Uint8Array.from(streamHead + split(stream, inLlama) + lastChunk, (character) => character.charCodeAt(0))
    const one = new Exchange(0, 0)
    one.feed(raw, 1)
    while (!one.parsed) one.step(10)
    expect(one.record()).toMatchObject({ text: "Grüße 🦙🦙", error: null })
  })

  test("each event has the time of the read that completed its data line", () => {
    const first = streamHead + chunk(event("a"))
    const second = chunk(event("b"))
    const third = chunk(event("", usage(1, 2), "stop")) + chunk("data: [DONE]\n\n") + lastChunk
    const half = first.length + 20
    const record = exchange(first + second + third, [first.length, half, first.length + second.length])
    expect([...record.chunkSeconds]).toEqual([1, 3])
    expect(record.endSeconds).toBe(4)
  })
})

describe("which chunks carry tokens", () => {
  const read = (...events: ReadonlyArray<string>) =>
    exchange(streamHead + events.map(chunk).join("") + chunk("data: [DONE]\n\n") + lastChunk, [])
  const chat = (delta: unknown, extra: Record<string, unknown> = {}, finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ delta, finish_reason: finish }], ...extra })}\n\n`

  test("the role chunk of a chat is none", () => {
    const record = read(
      chat({ role: "assistant", content: "" }),
      chat({ content: "hi" }),
      chat({}, usage(2, 1), "stop"),
    )
    expect(record).toMatchObject({ text: "hi", outputTokens: 1, error: null })
    expect([...record.chunkTokens]).toEqual([1])
  })

  test("a token without text is one; the empty last chunk is none", () => {
    const record = read(event(""), event("x"), event("", usage(1, 2), "length"))
    expect([...record.chunkTokens]).toEqual([1, 1])
  })

  test("a last chunk with text and counts is one", () => {
    expect([...read(event("x"), event("y", usage(1, 2), "length")).chunkTokens]).toEqual([1, 1])
  })

  test("a chunk with counts only (no choices) is none", () => {
    const record = read(event("x", {}, "stop"), `data: ${JSON.stringify({ choices: [], ...usage(1, 1) })}\n\n`)
    expect([...record.chunkTokens]).toEqual([1])
    expect(record.outputTokens).toBe(1)
  })

  test("more tokens than chunks: the count is the server's, and the chunks' tokens are not made up", () => {
    const record = read(event("xyz"), event("uvw"), event("", usage(1, 7), "length"))
    expect(record.outputTokens).toBe(7)
    expect([...record.chunkTokens]).toEqual([0, 0])
    expect(record.firstTokenSeconds).not.toBeNull()
  })

  test("token ids place the tokens", () => {
    const ids = (text: string, token_ids: ReadonlyArray<number>) =>
      `data: ${JSON.stringify({ choices: [{ text, token_ids, finish_reason: null }] })}\n\n`
    const record = read(ids("ab", [4, 5]), ids("", [6]), event("", usage(1, 3), "length"))
    expect(record.tokenIds).toEqual([4, 5, 6])
    expect([...record.chunkTokens]).toEqual([2, 1])
  })

  test("the ids of a chunk go before a count that runs ahead of it", () => {
    const ids = (token_ids: ReadonlyArray<number>, count: number, finish: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ text: "t", token_ids, finish_reason: finish }], ...usage(1, count) })}\n\n`
    const record = read(ids([4], 1), ids([5], 3), ids([6], 3), ids([], 3, "length"))
    expect([...record.chunkTokens]).toEqual([1, 1, 1])
  })

  test("an answer without any token is a success with none", () => {
    const record = read(event("", usage(3, 0), "stop"))
    expect(record).toMatchObject({ error: null, outputTokens: 0, firstTokenSeconds: null, lastTokenSeconds: null })
  })
})
