/** Token types of a SentencePiece vocabulary in a GGUF file. */
const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const BYTE = 6

export interface Vocabulary {
  readonly tokens: ReadonlyArray<string>
  readonly types: ReadonlyArray<number>
  readonly scores: ReadonlyArray<number>
}

const consonants = [..."bcdfghjklmnprstvwz"]
const vowels = [..."aeiou"]
const syllables = consonants.flatMap((consonant) => vowels.map((vowel) => consonant + vowel))
const space = "\u2581"

/** Pieces of one, two and three syllables, with and without a leading space, in a fixed order. */
function* pieces(): Generator<string> {
  yield space
  for (let code = 33; code < 127; code++) yield String.fromCharCode(code)
  yield "\n"
  for (const one of syllables) yield* [one, space + one]
  for (const one of syllables) for (const two of syllables) yield* [one + two, space + one + two]
  for (const one of syllables)
    for (const two of syllables) for (const three of syllables) yield space + one + two + three
}

/** A vocabulary of exactly `size` tokens: unknown, begin, end, the 256 bytes, then pronounceable pieces. */
export const make = (size: number): Vocabulary => {
  const tokens = ["<unk>", "<s>", "</s>"]
  const types = [UNKNOWN, CONTROL, CONTROL]
  for (let byte = 0; byte < 256; byte++) {
    tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`)
    types.push(BYTE)
  }
  const scores = tokens.map(() => 0)
  const seen = new Set(tokens)
  for (const piece of pieces()) {
    if (tokens.length === size) break
    if (seen.has(piece)) continue
    seen.add(piece)
    scores.push(-(tokens.length - 258))
    tokens.push(piece)
    types.push(NORMAL)
  }
  return { tokens, types, scores }
}
