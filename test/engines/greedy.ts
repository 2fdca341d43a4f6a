import type { Greedy } from "./nearTie.ts"
import type { RunningServer } from "./server.ts"

interface Piece {
  readonly token_ids: ReadonlyArray<number>
  readonly logprobs: {
    readonly tokens: ReadonlyArray<string>
    readonly token_logprobs: ReadonlyArray<number>
    readonly top_logprobs: ReadonlyArray<Readonly<Record<string, number>>>
  } | null
}

const piecesOf = (text: string, stream: boolean): ReadonlyArray<Piece> =>
  (stream
    ? text
        .split("\n\n")
        .filter((event) => event.startsWith("data: {"))
        .map((event) => event.slice("data: ".length))
    : [text]
  ).flatMap((body) => JSON.parse(body).choices)

/** Asks for a greedy answer of exactly `length` tokens. */
export const ask = async (
  server: RunningServer,
  prompt: string | ReadonlyArray<number>,
  length: number,
  stream = false,
): Promise<Greedy> => {
  const response = await server.post({
    prompt,
    max_tokens: length,
    temperature: 0,
    ignore_eos: true,
    logprobs: 5,
    return_token_ids: true,
    stream,
  })
  const text = await response.text()
  if (response.status !== 200) throw new Error(text)
  const pieces = piecesOf(text, stream)
  const logprobs = pieces.flatMap((piece) => (piece.logprobs === null ? [] : [piece.logprobs]))
  return {
    tokens: pieces.flatMap(({ token_ids }) => token_ids),
    names: logprobs.flatMap(({ tokens }) => tokens),
    logprobs: logprobs.flatMap(({ token_logprobs }) => token_logprobs),
    top: logprobs.flatMap(({ top_logprobs }) => top_logprobs.map((top) => new Map(Object.entries(top)))),
  }
}

const subjects = ["the sea", "a small town", "the history of bread", "an old clock", "winter", "the number seven"]
const forms = [
  (subject: string) => `Here is what I know about ${subject}: it is`,
  (subject: string) => `<|im_start|>user\nTell me a story about ${subject}.<|im_end|>\n<|im_start|>assistant\n`,
  (subject: string) => `Question: Why do people care about ${subject}?\nAnswer:`,
  (subject: string) => `def describe():\n    """Says something about ${subject}."""\n    return`,
  (subject: string) => `Chapter 1. On ${subject}\n\nIt was in the year 1848 that`,
  (subject: string) => `1. First point on ${subject}\n2. Second point on ${subject}\n3.`,
  (subject: string) => `Übersetzung: « ${subject} » 日本語, 12 + 30 = 42; then`,
  (subject: string) => `Dear Sir or Madam, I write to you about ${subject}. My first question`,
  (subject: string) => `The ${subject.length} letters of "${subject}" are`,
]

/** Texts of several kinds, each another; the first ones are of kinds that differ. */
export const texts = (count: number): ReadonlyArray<string> =>
  subjects.flatMap((subject) => forms.map((form) => form(subject))).slice(0, count)

/** The tokens of a text, as the server's tokenizer makes them. */
export const tokensOf = async (server: RunningServer, text: string): Promise<ReadonlyArray<number>> => {
  const response = await fetch(`${server.url}/tokenize`, { method: "POST", body: JSON.stringify({ content: text }) })
  return JSON.parse(await response.text()).tokens
}
