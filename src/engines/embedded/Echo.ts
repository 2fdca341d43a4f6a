import type { Prompt } from "./Request.ts"
import { type Detokenize, TextStream } from "./TextStream.ts"

/** A prompt as it is said again before its answer. */
export interface Echoed {
  readonly text: string
  /** Where each token's text begins in it, in UTF-16 units. */
  readonly offsets: ReadonlyArray<number>
}

/**
 * The text of a prompt and the places of its tokens. A text is said again as it came: what its tokens have before it,
 * such as one that begins a sequence, has no place in it.
 */
export const echoed = (prompt: Prompt, tokens: Uint32Array, detokenize: Detokenize): Echoed => {
  const stream = new TextStream(detokenize)
  const starts: Array<number> = []
  let written = ""
  for (const token of tokens) {
    starts.push(written.length)
    written += stream.push(token)
  }
  written += stream.end()
  const text = typeof prompt === "string" ? prompt : written
  const before = written.endsWith(text) ? written.length - text.length : 0
  return { text, offsets: starts.map((start) => Math.max(0, start - before)) }
}
