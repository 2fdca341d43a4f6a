/** A free sequence and the tokens that the context still has of it. */
export interface FreeSequence {
  readonly sequence: number
  readonly tokens: ReadonlyArray<number>
}

/** Length of the beginning that two token lists have in common. */
export const shared = (left: ArrayLike<number>, right: ArrayLike<number>): number => {
  const most = Math.min(left.length, right.length)
  let length = 0
  while (length < most && left[length] === right[length]) length++
  return length
}

/** Where a prompt goes: to the free sequence that has most of it, and how many tokens of that are kept. */
export interface Placement {
  readonly sequence: number
  readonly kept: number
}

/**
 * The free sequence for a prompt: the one that shares the longest beginning with it; of those that share none, the
 * one whose tokens are the least loss. The last token of a prompt is always computed, since its logits are needed.
 * null when none is free.
 */
export const place = (free: ReadonlyArray<FreeSequence>, prompt: Uint32Array): Placement | null => {
  let best: (Placement & { readonly lost: number }) | null = null
  for (const { sequence, tokens } of free) {
    const kept = Math.min(shared(tokens, prompt), prompt.length - 1)
    const lost = tokens.length - kept
    if (best === null || kept > best.kept || (kept === best.kept && lost < best.lost)) best = { sequence, kept, lost }
  }
  return best === null ? null : { sequence: best.sequence, kept: best.kept }
}
