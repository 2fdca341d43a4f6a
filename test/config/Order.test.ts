import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import * as Order from "../../src/config/Order.ts"
import { permutation, random } from "../../src/config/Random.ts"
import { CycleOrder, type Execution } from "../../src/domain/Study.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const hash = "c0ffee00".padEnd(64, "0")
const otherHash = "c0ffee01".padEnd(64, "0")

const execution = (order: Execution["order"], cycles: number, shuffleSeed: number | null = null) => ({
  order,
  cycles,
  shuffleSeed,
})
const byCycle = (order: Execution["order"], count: number, cycles: number, seed: number | null = null, of = hash) => {
  const cells = Order.cells(count, execution(order, cycles, seed), of)
  return Array.from({ length: cycles }, (_, cycle) =>
    cells.filter((cell) => cell.cycle === cycle + 1).map(({ index }) => index),
  )
}
const written = (order: Execution["order"]) =>
  Order.cells(2, execution(order, 3), hash)
    .map(({ index, cycle }) => `${index === 1 ? "A" : "B"}${cycle}`)
    .join(" ")

describe("by example", () => {
  test("sequential", () => expect(written("sequential")).toBe("A1 A2 A3 B1 B2 B3"))
  test("interleaved", () => expect(written("interleaved")).toBe("A1 B1 A2 B2 A3 B3"))
  test("reverse", () => expect(written("reverse")).toBe("A1 B1 B2 A2 A3 B3"))

  test("a seed's order is that of Mulberry32 and Fisher-Yates, computed apart in Python", () => {
    expect(byCycle("shuffled", 6, 3, 7)).toEqual([
      [5, 2, 3, 4, 6, 1],
      [4, 5, 2, 1, 6, 3],
      [3, 5, 6, 4, 1, 2],
    ])
  })

  test("each cycle is shuffled on its own", () => {
    expect(new Set(byCycle("shuffled", 8, 20).map(String)).size).toBeGreaterThan(15)
  })

  test("the seed of the file wins over the study's hash", () => {
    for (const order of ["shuffled", "latin_square"] as const) {
      expect(byCycle(order, 9, 2, 7)).toEqual(byCycle(order, 9, 2, 7, otherHash))
      expect(byCycle(order, 9, 2)).not.toEqual(byCycle(order, 9, 2, null, otherHash))
      expect(byCycle(order, 9, 2)).not.toEqual(byCycle(order, 9, 2, 7))
    }
  })

  test("the first cycles do not depend on how many follow", () => {
    for (const order of CycleOrder.literals) expect(byCycle(order, 7, 5).slice(0, 2)).toEqual(byCycle(order, 7, 2))
  })
})

const Study = Schema.Struct({
  order: CycleOrder,
  count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 })),
  cycles: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  seed: Schema.NullOr(Schema.Int),
})

prop("every experiment runs once in every cycle", arbitraryOf(Study), ({ order, count, cycles, seed }) => {
  const all = byCycle(order, count, cycles, seed)
  const whole = Array.from({ length: count }, (_, index) => index + 1)
  return (
    Order.cells(count, execution(order, cycles, seed), hash).length === count * cycles &&
    all.every((cycle) => String(cycle.toSorted((left, right) => left - right)) === String(whole))
  )
})

describe("the balanced square", () => {
  const tally = <K>(keys: ReadonlyArray<K>): ReadonlyMap<K, number> => {
    const counts = new Map<K, number>()
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
    return counts
  }

  for (const count of [2, 3, 4, 5, 6, 7, 8, 11, 12]) {
    test(`${count} experiments: every place, and every ordered pair of neighbours, equally often`, () => {
      const rows = byCycle("latin_square", count, Order.williamsRows(count))
      const places = tally(rows.flatMap((row) => row.map((value, place) => `${value}@${place}`)))
      expect(places.size).toBe(count * count)
      expect(new Set(places.values()).size).toBe(1)
      const pairs = tally(rows.flatMap((row) => row.slice(1).map((value, place) => `${row[place]}>${value}`)))
      expect(pairs.size).toBe(count * (count - 1))
      expect(new Set(pairs.values())).toEqual(new Set([count % 2 === 0 ? 1 : 2]))
    })
  }

  test("rows go round when there are more cycles", () => {
    const rows = byCycle("latin_square", 4, 6)
    expect(rows.slice(4)).toEqual(rows.slice(0, 2))
  })
})

describe("random numbers", () => {
  test("every permutation of three is about equally likely", () => {
    const next = random(1)
    const seen = new Map<string, number>()
    for (let draw = 0; draw < 6000; draw++) {
      const key = permutation(3, next).join("")
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    expect(seen.size).toBe(6)
    // 1000 expected; 150 is more than five standard deviations.
    for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(150)
  })

  prop("are in [0, 1) for any seed", arbitraryOf(Schema.Int), (seed) => {
    const next = random(seed)
    return [next(), next(), next()].every((value) => value >= 0 && value < 1)
  })
})
