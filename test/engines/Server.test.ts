import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import * as ChatTemplate from "../../src/engines/embedded/ChatTemplate.ts"
import type { Generator } from "../../src/engines/embedded/Generation.ts"
import * as Server from "../../src/engines/embedded/Server.ts"

const limits = { contextPerSequence: 256, contextTokens: 1024, batchTokens: 64, sequences: 4 }

/** A generator of the text "ab", one token a letter. */
const generator: Generator = {
  promptTokens: 3,
  produced: () => 2,
  run: async (onPiece) => {
    onPiece("a", 1, null)
    onPiece("b", 2, null)
    return { reason: "stop", text: "" }
  },
  cancel: () => {},
}

let forgotten = 0
const loaded: Server.Loaded = {
  info: {},
  limits,
  counts: () => ({
    active: 0,
    queued: 2,
    steps: 0,
    prefillTokens: 0,
    decodedTokens: 0,
    generatedTokens: 0,
    contextTokens: 0,
    cachedTokens: 0,
  }),
  forget: () => {
    forgotten += 1
  },
  prepare: () => Result.succeed([generator]),
  tokenizer: { tokenize: ({ text }) => [...text].map((_, index) => index), detokenize: () => Result.succeed("x") },
  render: ChatTemplate.compile("{% for m in messages %}{{ m.content }}{% endfor %}", { bos: "", eos: "" }),
}

const state = (over: Partial<Server.ServerState> = {}): Server.ServerState => ({
  model: "org/m",
  createdSeconds: 5,
  nowSeconds: () => 9,
  maximumQueued: 10,
  maximumBodyBytes: 1000,
  outcomes: new Map(),
  open: 0,
  draining: false,
  loaded,
  ...over,
})

const ask = (path: string, init: RequestInit = {}, over: Partial<Server.ServerState> = {}) =>
  Server.handle(state(over), new Request(`http://h${path}`, init))

const post = (path: string, body: unknown, over: Partial<Server.ServerState> = {}) =>
  ask(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) }, over)

const error = async (answer: Response | Promise<Response>) => {
  const response = await answer
  return { status: response.status, ...JSON.parse(await response.text()).error }
}

const completion = { model: "org/m", prompt: "a" }

describe("the server", () => {
  test("answers with what the generators give, at the time of the request", async () => {
    const response = await post("/v1/completions", completion)
    expect(JSON.parse(await response.text())).toMatchObject({
      object: "text_completion",
      created: 9,
      choices: [{ text: "ab", finish_reason: "stop", logprobs: null }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })

  test("models: a list, one by its name, none by another", async () => {
    const model = { id: "org/m", object: "model", created: 5, owned_by: "llem", max_model_len: 256 }
    expect(JSON.parse(await (await ask("/v1/models")).text())).toEqual({ object: "list", data: [model] })
    expect(JSON.parse(await (await ask("/v1/models/org%2Fm")).text())).toEqual(model)
    expect(await error(ask("/v1/models/other"))).toMatchObject({ status: 404, param: "model", code: "model_not_found" })
    expect(await error(ask("/v1/models/%ff"))).toMatchObject({ status: 404 })
  })

  test("that is about to end finishes what runs and takes nothing more", async () => {
    const refused = await error(post("/v1/completions", completion, { draining: true }))
    expect(refused).toMatchObject({ status: 503, code: "shutting_down" })
    expect((await ask("/health", {}, { draining: true })).status).toBe(503)
    const running = state()
    const answer = Server.handle(
      running,
      new Request("http://h/v1/completions", { method: "POST", body: JSON.stringify(completion) }),
    )
    await answer
    expect(running.open).toBe(0)
  })

  test("empties its prefix cache when it is told to", async () => {
    const before = forgotten
    expect((await ask("/reset_prefix_cache", { method: "POST" })).status).toBe(200)
    expect(forgotten).toBe(before + 1)
    expect((await ask("/reset_prefix_cache")).status).toBe(405)
  })

  test("unknown paths and models are 404, another method is 405 and told which is right", async () => {
    expect(await error(ask("/v1/embeddings", { method: "POST" }))).toMatchObject({
      status: 404,
      type: "invalid_request_error",
    })
    expect(await error(post("/v1/completions", { ...completion, model: "x" }))).toMatchObject({
      status: 404,
      param: "model",
      code: "model_not_found",
    })
    const response = await ask("/v1/completions")
    expect(response.headers.get("allow")).toBe("POST")
    expect(await error(response)).toMatchObject({ status: 405, message: "/v1/completions takes POST, not GET" })
    expect((await ask("/health", { method: "HEAD" })).status).toBe(200)
  })

  test("more answers than can ever wait are the client's mistake, not a full queue", async () => {
    expect(await error(post("/v1/completions", { ...completion, n: 11 }))).toMatchObject({ status: 400, param: "n" })
  })

  test("a large body is 413, a full queue 429, a model that is not there yet 503", async () => {
    const large = { ...completion, prompt: "a".repeat(2000) }
    expect(await error(post("/v1/completions", large))).toMatchObject({ status: 413, code: "request_too_large" })
    expect(await error(post("/v1/completions", completion, { maximumQueued: 2 }))).toMatchObject({
      status: 429,
      type: "rate_limit_error",
      code: "queue_full",
    })
    for (const path of ["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize"])
      expect(await error(post(path, completion, { loaded: null }))).toMatchObject({
        status: 503,
        type: "server_error",
        code: "model_loading",
      })
    expect((await ask("/health", {}, { loaded: null })).status).toBe(503)
    expect(await (await ask("/metrics", {}, { loaded: null })).text()).toContain("llem_engine_model_loaded 0")
  })

  test("more sequences than may wait are refused before anything is made of them", async () => {
    const prepare = () => expect.unreachable()
    const many = { ...completion, prompt: ["a", "b", "c"], n: 3 }
    expect(await error(post("/v1/completions", many, { loaded: { ...loaded, prepare } }))).toMatchObject({
      status: 429,
    })
  })

  test("what cannot be read for its depth, and what throws, are errors in OpenAI's shape", async () => {
    const deep = `${"[".repeat(300_000)}${"]".repeat(300_000)}`
    const body = `{"prompt":${deep}}`
    expect(await error(post("/v1/completions", body, { maximumBodyBytes: 1_000_000 }))).toMatchObject({
      status: 400,
      message: "the body is nested too deeply",
    })
    expect(await error(Server.broken(new Error("no")))).toMatchObject({ status: 500, type: "server_error" })
  })

  test("requests are counted by how they ended", async () => {
    const outcomes: Server.ServerState["outcomes"] = new Map()
    await post("/v1/completions", completion, { outcomes })
    await post("/v1/chat/completions", { messages: [{ role: "user", content: "a" }] }, { outcomes })
    await post("/v1/completions", "{", { outcomes })
    const broken = { ...generator, run: () => Promise.reject(new Error("no")) }
    const prepare = () => Result.succeed([broken])
    expect(
      await error(post("/v1/completions", completion, { outcomes, loaded: { ...loaded, prepare } })),
    ).toMatchObject({
      status: 500,
      type: "server_error",
    })
    expect(Object.fromEntries(outcomes)).toEqual({ completed: 2, refused: 1, failed: 1 })
  })

  test("text to tokens and back", async () => {
    const tokens = JSON.parse(await (await post("/tokenize", { content: "abc" })).text())
    expect(tokens).toEqual({ tokens: [0, 1, 2], count: 3, max_model_len: 256 })
    expect(JSON.parse(await (await post("/detokenize", { tokens: [1] })).text())).toEqual({ content: "x" })
    expect(await error(post("/tokenize", {}))).toMatchObject({ status: 400, param: "content" })
    expect(await error(post("/detokenize", { tokens: "a" }))).toMatchObject({ status: 400, param: "tokens" })
  })
})
