import { random } from "../../src/config/Random.ts"

/** A path of the server and a body for it. */
export interface FuzzedRequest {
  readonly path: string
  readonly body: string
}

const completions: ReadonlyArray<Readonly<Record<string, unknown>>> = [
  { model: "m", prompt: "Hello there", max_tokens: 4 },
  { prompt: [5, 6, 7], max_tokens: 2, temperature: 0, ignore_eos: true, return_token_ids: true },
  { prompt: ["a", [9, 10]], max_tokens: 3, n: 2, seed: 4, top_p: 0.5, top_k: 9, min_p: 0.1 },
  { prompt: "x", max_tokens: 5, stream: true, stream_options: { include_usage: true }, logprobs: 2 },
  { prompt: "y", max_tokens: 5, min_tokens: 2, stop: ["q", "zz"], logit_bias: { "7": 3, "8": -100 } },
  { prompt: "z", max_tokens: 3, presence_penalty: 1, frequency_penalty: -1, user: "u", echo: true },
  { prompt: [1], max_tokens: 1, repetition_penalty: 1.5, logprobs: 0, best_of: 1, suffix: "" },
]

const chats: ReadonlyArray<Readonly<Record<string, unknown>>> = [
  { messages: [{ role: "user", content: "Hi" }], max_tokens: 3, temperature: 0 },
  {
    messages: [
      { role: "system", content: "Be short." },
      { role: "user", content: [{ type: "text", text: "a" }] },
    ],
    max_completion_tokens: 3,
    logprobs: true,
    top_logprobs: 2,
    stream: true,
  },
  { messages: [{ role: "assistant", content: "", name: "b" }], max_tokens: 2, chat_template_kwargs: { a: [1] }, n: 2 },
]

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

/** Values that stand where others should. */
const strange: ReadonlyArray<unknown> = [
  null,
  true,
  "",
  "NaN",
  "\u0000\ud800\udfff\u202e",
  "日本語 🇩🇪 👩‍👩‍👧 e\u0301 \ufffd \u2028",
  "<|im_start|><|im_end|><s></s><unk>",
  "a".repeat(5000),
  0,
  -1,
  -0,
  0.5,
  1.5,
  1e308,
  -1e308,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  [],
  {},
  [[]],
  [null],
  [-1],
  [32_000],
  [49_152],
  [4_294_967_296],
  [1, "a"],
  ["a", [1], []],
  { "4294967296": 1, "-1": 1, "1e3": 1, x: 2 },
  { "31999": 100, "0": -100, "2": 100 },
  { include_usage: 3 },
  ["a", "", "b"],
  [{ role: "tool", content: null }],
  [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }],
  nested(10),
  nested(2000),
]

/** Fields at the edges of what they may be. */
const edges: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ["temperature", 2],
  ["temperature", 5e-324],
  ["temperature", 0],
  ["top_k", Number.MAX_SAFE_INTEGER],
  ["top_k", -1],
  ["top_k", 1],
  ["top_p", 0],
  ["top_p", 5e-324],
  ["min_p", 1],
  ["repetition_penalty", 5e-324],
  ["repetition_penalty", 1e-30],
  ["repetition_penalty", 10],
  ["presence_penalty", -2],
  ["frequency_penalty", 2],
  ["seed", Number.MIN_SAFE_INTEGER],
  ["seed", Number.MAX_SAFE_INTEGER],
  ["seed", -1],
  ["logit_bias", Object.fromEntries(Array.from({ length: 32_000 }, (_, token) => [String(token), -100]))],
  ["logit_bias", Object.fromEntries(Array.from({ length: 300 }, (_, token) => [String(token), 100]))],
  ["logit_bias", {}],
  ["n", 3],
  ["min_tokens", 2],
  ["max_tokens", 8],
  ["stop", ["\u0000", "\ud800", "👩‍👩‍👧"]],
  ["stop", Array.from({ length: 16 }, (_, index) => String.fromCharCode(97 + index))],
  ["ignore_eos", true],
  ["stream", true],
  ["return_token_ids", true],
  ["prompt", "\u0000\ud800\udfff\u202e"],
  ["prompt", "<|im_start|><s></s><unk> \u{1f1e9}"],
  ["prompt", [0, 1, 2, 31_999]],
  ["prompt", Array.from({ length: 200 }, () => 3)],
  ["metadata", nested(1000)],
]

/** Texts that take a piece's place in the written body, so that it may be no JSON any more. */
const pieces = [
  "NaN",
  "Infinity",
  "-",
  "1e999",
  "01",
  '"',
  "\\u",
  "\\ud800",
  "}",
  "{",
  ",",
  "\u0000",
  "//",
  "'",
  "[",
  "1e-999",
]

/** A valid body damaged at random: values, fields and characters changed. The same number gives the same request. */
export const fuzzed = (number: number): FuzzedRequest => {
  const next = random(number)
  const pick = <A>(list: ReadonlyArray<A>, otherwise: A): A => list[Math.floor(next() * list.length)] ?? otherwise
  const chat = next() < 0.3
  const seed = pick(chat ? chats : completions, {})
  const body: Record<string, unknown> = structuredClone(seed)
  const names = [...new Set([...Object.keys(seed), ...[...completions, ...chats].flatMap(Object.keys), "tools", "x"])]
  const gentle = next() < 0.5
  for (let edit = Math.floor(next() * 4); edit > 0; edit--) {
    const [edge, value] = pick(edges, ["n", 1])
    const name = next() < 0.5 ? pick(Object.keys(body), "prompt") : pick(names, "prompt")
    if (gentle && !(chat && edge === "prompt")) body[edge] = value
    else if (next() < 0.1) delete body[name]
    else body[name] = pick(strange, null)
  }
  let text = JSON.stringify(body)
  if (!gentle && next() < 0.3) {
    const at = Math.floor(next() * text.length)
    text = text.slice(0, at) + pick(pieces, "") + text.slice(at + Math.floor(next() * 4))
  }
  return { path: chat ? "/v1/chat/completions" : "/v1/completions", body: text }
}
