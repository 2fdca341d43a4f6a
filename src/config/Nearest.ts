/** Edit distance of two words, a swap of neighbours counting once (Damerau, optimal string alignment). */
export const distance = (left: string, right: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (swapped) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1)
      current.push(best)
    }
    beforeLast = last
    last = current
  }
  return last[right.length] ?? 0
}

/** The allowed name that was probably meant; null when none is near. */
export const nearest = (found: string, allowed: ReadonlyArray<string>): string | null => {
  let best: { readonly name: string; readonly edits: number } | null = null
  for (const name of allowed) {
    const edits = distance(found.toLowerCase(), name.toLowerCase())
    if (best === null || edits < best.edits) best = { name, edits }
  }
  if (best === null) return null
  return best.edits <= Math.max(1, Math.floor(Math.max(found.length, best.name.length) / 3)) ? best.name : null
}
