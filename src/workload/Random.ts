/** A stream of 32-bit numbers that a seed fixes on every machine and version. */
export interface Random {
  /** A whole number from 0 to `bound` - 1, each equally likely. */
  readonly below: (bound: number) => number
  /** A number in [0, 1). */
  readonly unit: () => number
}

/** sfc32 (Chris Doty-Humphrey's small fast counter generator, PractRand), its state filled from seed and stream. */
export const make = (seed: number, stream = 0): Random => {
  let a = Math.trunc(seed) | 0
  let b = Math.trunc(seed / 2 ** 32) | 0
  let c = stream | 0
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let round = 0; round < 15; round += 1) next()
  const below = (bound: number): number => {
    const limit = 2 ** 32 - (2 ** 32 % bound)
    let value = next()
    while (value >= limit) value = next()
    return value % bound
  }
  return { below, unit: () => next() / 2 ** 32 }
}

/** A random order of the items (Fisher and Yates). */
export const shuffled = <A>(items: ReadonlyArray<A>, random: Random): ReadonlyArray<A> => {
  const places = items.map((_, index) => index)
  for (let last = places.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1)
    const kept = places[last] ?? last
    places[last] = places[other] ?? other
    places[other] = kept
  }
  return places.flatMap((place) => items.slice(place, place + 1))
}
