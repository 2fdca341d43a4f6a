/**
 * Prompt tokens that each waiting prompt brings into the next batch. `remaining` is what is left of each prompt, the
 * oldest first. Half of the room is the oldest one's, so that no stream of short prompts holds it up for good; the
 * other half goes to the shortest ones first, so that no long prompt holds them up; what is left over goes round again.
 */
export const sharesOf = (remaining: ReadonlyArray<number>, room: number): ReadonlyArray<number> => {
  const shares = remaining.map(() => 0)
  let left = room
  const give = (index: number, most: number): void => {
    const more = Math.min(most, left, (remaining[index] ?? 0) - (shares[index] ?? 0))
    shares[index] = (shares[index] ?? 0) + more
    left -= more
  }
  if (remaining.length > 0) give(0, Math.ceil(room / 2))
  const shortest = remaining.map((_, index) => index).toSorted((a, b) => (remaining[a] ?? 0) - (remaining[b] ?? 0))
  for (const index of shortest) give(index, left)
  return shares
}
