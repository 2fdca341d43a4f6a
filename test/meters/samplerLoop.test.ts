import { describe, expect, test } from "bun:test"
import { monotonicSeconds } from "../../src/platform/libc.ts"
import { runSampler } from "../../src/platform/samplerLoop.ts"
import * as Ring from "../../src/platform/samplerRing.ts"
import { FAILED, NOTHING_YET, type Reader } from "../../src/platform/sysfs.ts"

const ENODEV = 19

/** Runs the loop in this thread until the first source was read so often. */
const run = (options: {
  readonly sources: ReadonlyArray<(round: number) => number>
  readonly rounds: number
  readonly sampleHz?: number
  readonly capacityRows?: number
  readonly onRound?: (ring: Ring.Ring, round: number) => void
}) => {
  const { sources, rounds, sampleHz = 500, capacityRows = 1000 } = options
  const ring = Ring.create(sources.length, capacityRows)
  const closed: Array<number> = []
  const watched: Array<ReadonlyArray<number>> = []
  runSampler(
    { buffer: ring.buffer, capacityRows, sampleHz, sources: sources.map((_, index) => index) },
    (index) => {
      let round = 0
      const reader: Reader = {
        read: () => {
          round++
          if (index === 0) {
            options.onRound?.(ring, round)
            if (round >= rounds) Atomics.store(ring.words, Ring.word.stop, 1)
          }
          return sources[index]?.(round) ?? FAILED
        },
        errno: () => ENODEV,
        maintain: () => {},
        close: () => {
          closed.push(index)
        },
      }
      return { reader, watch: (pids) => watched.push(pids) }
    },
    () => {},
  )
  const rows: Array<{ readonly at: number; readonly samples: ReadonlyArray<readonly [number, number]> }> = []
  Ring.drain(ring, (offset) =>
    rows.push({
      at: ring.rows[offset] ?? Number.NaN,
      samples: sources.map((_, index) => [
        ring.rows[offset + 1 + 2 * index] ?? Number.NaN,
        ring.rows[offset + 2 + 2 * index] ?? Number.NaN,
      ]),
    }),
  )
  return { ring, rows, closed, watched }
}

describe("the sampling loop", () => {
  test("reads every source in every round, stamps rising, and closes what it opened", () => {
    const { rows, closed, ring } = run({ sources: [(round) => round, (round) => 10 * round], rounds: 20 })
    expect(rows.map(({ samples }) => samples.map(([, value]) => value))).toEqual(
      Array.from({ length: 20 }, (_, index) => [index + 1, 10 * (index + 1)]),
    )
    const stamps = rows.flatMap(({ at, samples }) => [at, ...samples.map(([time]) => time)])
    expect([...stamps].sort((a, b) => a - b)).toEqual(stamps)
    expect(closed).toEqual([0, 1])
    expect(Atomics.load(ring.words, Ring.word.state)).toBe(Ring.state.stopped)
    expect(ring.figures[Ring.figure.cpuSeconds]).toBeGreaterThan(0)
  })

  test("keeps to absolute deadlines: late rounds are left out rather than caught up", () => {
    let blockedUntil = 0
    const { rows } = run({
      sources: [
        (round) => {
          if (round === 5) {
            blockedUntil = monotonicSeconds() + 0.035
            while (monotonicSeconds() < blockedUntil);
          }
          return round
        },
      ],
      rounds: 10,
      sampleHz: 100,
    })
    // The sixth row waits for the next deadline, and four more periods lie before the tenth.
    expect(rows[9]?.at ?? 0).toBeGreaterThanOrEqual(blockedUntil + 0.04 - 1e-6)
  })

  test("a source is lost after three failures, since the first of them; others go on", () => {
    const { rows, ring } = run({ sources: [(round) => round, (round) => (round < 5 ? round : FAILED)], rounds: 12 })
    expect(rows.map(({ samples }) => samples[1]?.[1])).toEqual([1, 2, 3, 4, ...Array(8).fill(Number.NaN)])
    expect(ring.lost[1]).toBe(rows[4]?.samples[1]?.[0] ?? 0)
    expect(ring.errnos[1]).toBe(ENODEV)
    expect(ring.lost[0]).toBeNaN()
    expect(rows).toHaveLength(12)
  })

  test("two failures are a gap, and a source without a value yet is not lost", () => {
    const { rows, ring } = run({
      sources: [(round) => (round === 3 || round === 4 ? FAILED : round), () => NOTHING_YET],
      rounds: 8,
    })
    expect(rows.map(({ samples }) => samples[0]?.[1])).toEqual([1, 2, Number.NaN, Number.NaN, 5, 6, 7, 8])
    expect([...ring.lost]).toEqual([Number.NaN, Number.NaN])
  })

  test("rows that find no room are counted, and never overwrite what was not taken", () => {
    const { rows, ring } = run({ sources: [(round) => round], rounds: 20, capacityRows: 8 })
    expect(rows.map(({ samples }) => samples[0]?.[1])).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(Atomics.load(ring.words, Ring.word.dropped)).toBe(13)
  })

  test("taken in time, a small ring hands over everything in order", () => {
    const seen: Array<number> = []
    const { rows } = run({
      sources: [(round) => round],
      rounds: 50,
      capacityRows: 8,
      onRound: (ring, round) => {
        if (round % 5 === 0) Ring.drain(ring, (offset) => seen.push(ring.rows[offset + 2] ?? 0))
      },
    })
    seen.push(...rows.map(({ samples }) => samples[0]?.[1] ?? 0))
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
  })

  test("processes to watch reach the sources", () => {
    const { watched } = run({
      sources: [(round) => round],
      rounds: 4,
      onRound: (ring, round) => {
        if (round === 2) Ring.setWatched(ring, [11, 12])
      },
    })
    expect(watched).toEqual([[11, 12]])
  })

  test("the clock goes on in a loop that has been compiled", () => {
    let longest = 0
    let still = 0
    let before = 0
    for (let index = 0; index < 2_000_000; index++) {
      const now = monotonicSeconds()
      still = now === before ? still + 1 : 0
      longest = Math.max(longest, still)
      before = now
    }
    expect(longest).toBeLessThan(1000)
  })
})
