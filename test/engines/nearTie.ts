/** A greedy answer with what the model thought of the alternatives at each token. */
export interface Greedy {
  readonly tokens: ReadonlyArray<number>
  /** The name of each token in `top`. */
  readonly names: ReadonlyArray<string>
  /** The log probability of each token. */
  readonly logprobs: ReadonlyArray<number>
  /** Log probabilities of the likeliest tokens, by name, at each token. */
  readonly top: ReadonlyArray<ReadonlyMap<string, number>>
}

/** Where two greedy answers part: `gap` nats lie between their tokens in the first one's view. */
export interface Parting {
  readonly at: number
  readonly gap: number
}

/**
 * Two candidates closer than this, in nats, are let change places. The same code on
 * one processor gave the same log probabilities to the last bit in batches of any size, so that no tie was ever seen.
 */
export const nearTie = 0.05

/**
 * The same where sums are made in another order: by another build of llama.cpp's kernels (AVX2 and AVX-512), or by
 * attention in tiles, which 64 tokens and more of a prompt in one step get. Activations are rounded to 8 bits, so that
 * the smallest difference moves log probabilities of the test's model by up to 0.4.
 */
export const nearTieOfSums = 0.5

/** The first token that differs, or null; a gap that is not among the likeliest tokens is infinite. */
export const parting = (reference: Greedy, other: Greedy): Parting | null => {
  const length = Math.max(reference.tokens.length, other.tokens.length)
  for (let at = 0; at < length; at++) {
    if (reference.tokens[at] === other.tokens[at]) continue
    const [name, otherName] = [reference, other].map(({ tokens, names }) =>
      at < tokens.length ? names[at] : undefined,
    )
    const [logprob, otherLogprob] = [name, otherName].map((one) => reference.top[at]?.get(one ?? ""))
    const known = logprob !== undefined && otherLogprob !== undefined
    return { at, gap: known ? Math.abs(logprob - otherLogprob) : Number.POSITIVE_INFINITY }
  }
  return null
}

/** What comparing answers came to. */
export interface Compared {
  /** Answers that are the same to their end. */
  readonly same: number
  /** The largest difference of a token's log probability, as far as the answers are the same. */
  readonly drift: number
  /** Where answers part at no near tie. */
  readonly far: ReadonlyArray<string>
}

/** Compares answers with those of a reference, one by one; near ties, closer than `tie` nats, and the sum are printed. */
export const compare = (
  what: string,
  references: ReadonlyArray<Greedy>,
  answers: ReadonlyArray<Greedy>,
  tie = nearTie,
): Compared => {
  const far: Array<string> = []
  let [same, drift] = [0, 0]
  for (const [index, answer] of answers.entries()) {
    const reference = references[index]
    if (reference === undefined) throw new Error(`nothing to compare answer ${index} with`)
    const parted = parting(reference, answer)
    const end = parted?.at ?? answer.tokens.length
    for (let at = 0; at < end; at++)
      drift = Math.max(drift, Math.abs((answer.logprobs[at] ?? Number.NaN) - (reference.logprobs[at] ?? Number.NaN)))
    if (parted === null) same += 1
    else {
      const words = `${what}: answer ${index} parts at token ${parted.at + 1} with a gap of ${parted.gap.toFixed(4)}`
      if (parted.gap < tie) console.log(`near tie, ${words}`)
      else far.push(words)
    }
  }
  console.log(
    `${what}: ${same} of ${answers.length} answers are the same; log probabilities within ${drift.toFixed(4)}`,
  )
  return { same, drift, far }
}
