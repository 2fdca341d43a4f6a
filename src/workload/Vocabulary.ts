import type { Random } from "./Random.ts"

/** What prompts of exact length need to know of a model's tokenizer. */
export interface Vocabulary {
  readonly size: number
  /** Ids that mean something to the model beyond text, as far as they are known. */
  readonly specialIds: ReadonlyArray<number>
}

/**
 * The ids that prompts are drawn from: the middle four fifths of the vocabulary. Byte and control tokens lie at the
 * front of the common vocabularies and added special ones at the end.
 */
export const safeRange = (vocabulary: Vocabulary): { readonly first: number; readonly end: number } => ({
  first: Math.floor(vocabulary.size * 0.1),
  end: Math.max(Math.floor(vocabulary.size * 0.1) + 1, Math.floor(vocabulary.size * 0.9)),
})

/** `length` ordinary token ids. */
export const draw = (vocabulary: Vocabulary, length: number, random: Random): ReadonlyArray<number> => {
  const { first, end } = safeRange(vocabulary)
  const special = new Set(vocabulary.specialIds)
  const one = (): number => {
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const id = first + random.below(end - first)
      if (!special.has(id)) return id
    }
    return first
  }
  return Array.from({ length }, one)
}
