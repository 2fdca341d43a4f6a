/** What a piece of text comes to, once stop texts are looked for. */
export interface Step {
  /** Text that may go out. */
  readonly text: string
  /** Text that could still be the beginning of a stop text. */
  readonly held: string
  readonly stopped: boolean
}

interface Found {
  readonly start: number
  readonly end: number
}

/** The stop text that is complete first; of two that end together, the longer one. */
const firstOf = (stops: ReadonlyArray<string>, text: string): Found | null => {
  let best: Found | null = null
  for (const stop of stops) {
    const start = text.indexOf(stop)
    if (start < 0) continue
    const end = start + stop.length
    if (best === null || end < best.end || (end === best.end && start < best.start)) best = { start, end }
  }
  return best
}

/** Length of the longest end of the text with which a stop text may begin. */
const heldLength = (stops: ReadonlyArray<string>, text: string): number => {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1))
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(-length)
    if (stops.some((stop) => stop.length > length && stop.startsWith(tail))) return length
  }
  return 0
}

/**
 * Adds a piece to the text held back so far. The stop text that is complete first ends the text and is left out
 * itself; what comes out does not depend on how the text is cut into pieces.
 */
export const feed = (stops: ReadonlyArray<string>, held: string, piece: string): Step => {
  const text = held + piece
  const found = firstOf(stops, text)
  if (found !== null) return { text: text.slice(0, found.start), held: "", stopped: true }
  const cut = text.length - heldLength(stops, text)
  return { text: text.slice(0, cut), held: text.slice(cut), stopped: false }
}
