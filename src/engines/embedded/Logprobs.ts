/** A token and the logarithm of its probability. */
export interface Ranked {
  readonly token: number
  readonly logprob: number
}

/** The model's own distribution for one token: log softmax of its logits, before bias, penalties and temperature. */
export interface Distribution {
  readonly chosen: number
  /** The likeliest tokens, best first. */
  readonly top: ReadonlyArray<Ranked>
}

/**
 * From the library's answer: `pairs` are (token, logit) by turns, with the likeliest tokens and the chosen one among
 * them, and `weight` is the sum of exp(logit - largest logit) over the whole vocabulary.
 */
export const fromLogits = (pairs: ReadonlyArray<number>, weight: number, chosen: number, top: number): Distribution => {
  const logits = new Map<number, number>()
  for (let index = 0; index + 1 < pairs.length; index += 2) logits.set(pairs[index] ?? 0, pairs[index + 1] ?? 0)
  const shift = Math.max(...logits.values()) + Math.log(weight)
  const ranked = [...logits].sort(([, left], [, right]) => right - left)
  return {
    chosen: (logits.get(chosen) ?? Number.NEGATIVE_INFINITY) - shift,
    top: ranked.slice(0, top).map(([token, logit]) => ({ token, logprob: logit - shift })),
  }
}

/** Text of one token. */
export type Spell = (token: number) => string

/** A token as its log probabilities are told. */
export interface TokenLogprob {
  readonly token: number
  readonly text: string
  /** null for a prompt's first token, which nothing comes before. */
  readonly logprob: number | null
  /** Where its text begins in the answer, in UTF-16 units. */
  readonly offset: number
  readonly top: ReadonlyArray<Ranked & { readonly text: string }>
}

const incomplete = "\uFFFD"

/** The text of a token; one whose bytes are only a part of a character is told by its id. */
const spelled = (spell: Spell, token: number): string => {
  const text = spell(token)
  return text.includes(incomplete) ? `token_id:${token}` : text
}

/** A generated token with the texts of it and of the likeliest ones. */
export const describe = (distribution: Distribution, token: number, offset: number, spell: Spell): TokenLogprob => ({
  token,
  text: spelled(spell, token),
  logprob: distribution.chosen,
  offset,
  top: distribution.top.map((ranked) => ({ ...ranked, text: spelled(spell, ranked.token) })),
})

/** A prompt's first token, of which the model says nothing. */
export const undescribed = (token: number, spell: Spell): TokenLogprob => ({
  token,
  text: spelled(spell, token),
  logprob: null,
  offset: 0,
  top: [],
})

/** The lowest value that JSON clients expect for an impossible token. */
const impossible = -9999

const told = (logprob: number): number => (Number.isFinite(logprob) ? logprob : impossible)
const toldOrNull = (logprob: number | null): number | null => (logprob === null ? null : told(logprob))

/** `logprobs` of a completion's choice; the token itself is always among its own alternatives. */
export const completionLogprobs = (tokens: ReadonlyArray<TokenLogprob>) => ({
  tokens: tokens.map(({ text }) => text),
  token_logprobs: tokens.map(({ logprob }) => toldOrNull(logprob)),
  top_logprobs: tokens.map(({ text, logprob, top }) =>
    logprob === null
      ? null
      : Object.fromEntries([...top.map((one) => [one.text, told(one.logprob)]), [text, told(logprob)]]),
  ),
  text_offset: tokens.map(({ offset }) => offset),
})

const encoder = new TextEncoder()

const chatToken = ({ token, text, logprob }: Pick<TokenLogprob, "token" | "text" | "logprob">) => ({
  token: text,
  logprob: toldOrNull(logprob),
  bytes: text === `token_id:${token}` ? null : Array.from(encoder.encode(text)),
})

/** `logprobs` of a chat completion's choice. */
export const chatLogprobs = (tokens: ReadonlyArray<TokenLogprob>) => ({
  content: tokens.map((one) => ({ ...chatToken(one), top_logprobs: one.top.map(chatToken) })),
  refusal: null,
})
