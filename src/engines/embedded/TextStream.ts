/** Turns tokens into text. */
export type Detokenize = (tokens: ReadonlyArray<number>) => string

const contextTokens = 4
const heldTokens = 8
const incomplete = "\uFFFD"

/**
 * Text of a growing token sequence, piece by piece. A character whose bytes are spread over several tokens is held
 * back until it is whole; a token's text may depend on the one before, so each piece is read after a few earlier tokens.
 */
export class TextStream {
  readonly #detokenize: Detokenize
  #context: Array<number> = []
  #held: Array<number> = []

  constructor(detokenize: Detokenize) {
    this.#detokenize = detokenize
  }

  /** The text that this token completes; empty while a character is still incomplete. */
  push(token: number): string {
    this.#held.push(token)
    return this.#take(false)
  }

  /** What is still held back when the sequence ends. */
  end(): string {
    return this.#held.length === 0 ? "" : this.#take(true)
  }

  #take(ended: boolean): string {
    const before = this.#context.length === 0 ? "" : this.#detokenize(this.#context)
    const all = [...this.#context, ...this.#held]
    const text = this.#detokenize(all).slice(before.length)
    if (text.endsWith(incomplete) && !ended && this.#held.length < heldTokens) return ""
    this.#context = all.slice(-contextTokens)
    this.#held = []
    return text
  }
}
