import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import * as Chat from "../../src/engines/embedded/Chat.ts"
import type { Render } from "../../src/engines/embedded/ChatTemplate.ts"

const user = { role: "user", content: "Hi" }
const decode = (body: Record<string, unknown>) => Chat.decode(JSON.stringify({ messages: [user], ...body }))
const decoded = (body: Record<string, unknown>) => Result.getOrThrow(decode(body))
const problem = (body: Record<string, unknown>) => Result.getOrThrow(Result.flip(decode(body)))

const render: Render = (messages) => Result.succeed(messages.map(({ content }) => content).join("|"))
const generation = (body: Record<string, unknown>) => Result.getOrThrow(Chat.generationOf(decoded(body), render))

describe("the body of a chat request", () => {
  test("a template's variables that are the server's own cannot be set", () => {
    for (const name of ["messages", "add_generation_prompt", "bos_token"]) {
      const said = problem({ chat_template_kwargs: { [name]: [] } })
      expect(said).toMatchObject({ status: 400, param: "chat_template_kwargs" })
      expect(said.message).toContain(name)
    }
  })

  test("content is text or text parts; a developer is a system", () => {
    const messages = [
      {
        role: "developer",
        content: [
          { type: "text", text: "Be" },
          { type: "text", text: "brief" },
        ],
      },
      { role: "user", content: "Hi", name: "Ann" },
    ]
    expect(decoded({ messages }).messages).toEqual([
      { role: "system", content: "Be\nbrief" },
      { role: "user", content: "Hi", name: "Ann" },
    ])
  })

  test("the answer's length is what is left of the context unless said otherwise", () => {
    expect(generation({}).maxTokens).toBeNull()
    expect(generation({ max_tokens: 5 }).maxTokens).toBe(5)
    expect(generation({ max_tokens: 5, max_completion_tokens: 7 }).maxTokens).toBe(7)
  })

  test("log probabilities are asked for by logprobs, their alternatives by top_logprobs", () => {
    expect(generation({}).logprobs).toBeNull()
    expect(generation({ logprobs: true }).logprobs).toBe(0)
    expect(generation({ logprobs: true, top_logprobs: 4 }).logprobs).toBe(4)
    expect(problem({ top_logprobs: 4 })).toMatchObject({ param: "top_logprobs" })
  })

  test("what the template refuses is the messages' fault", () => {
    const refused = Chat.generationOf(decoded({}), () => Result.fail("no"))
    expect(Result.getOrThrow(Result.flip(refused))).toMatchObject({ status: 400, message: "no", param: "messages" })
  })

  test("what is not honoured is refused by name", () => {
    const image = { role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }
    expect(problem({ messages: [image] }).param).toStartWith("messages[0].content")
    expect(problem({ messages: [] }).param).toBe("messages")
    expect(problem({ messages: [{ role: "boss", content: "x" }] }).message).toContain('messages[0].role is "boss"')
    expect(problem({ messages: [{ role: "user" }] }).message).toContain("messages[0].content is missing")
    expect(problem({ tools: [{ type: "function" }] }).message).toContain("does not read calls")
    expect(problem({ response_format: { type: "json_object" } }).param).toBe("response_format")
    expect(problem({ messages: [{ role: "assistant", content: "x", tool_calls: [{}] }] }).param).toContain("tool_calls")
    const answer = { role: "assistant", content: "x", refusal: null, tool_calls: [], name: null }
    expect(Result.isSuccess(decode({ messages: [user, answer, user] }))).toBe(true)
    expect(Result.isSuccess(decode({ tools: [], response_format: { type: "text" }, tool_choice: "none" }))).toBe(true)
  })
})
