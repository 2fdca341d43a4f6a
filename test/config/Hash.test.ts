import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { Schema } from "effect"
import * as Hash from "../../src/config/Hash.ts"
import { Experiment } from "../../src/domain/Experiment.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

describe("canonical JSON", () => {
  test("sorts keys at every depth and leaves undefined out", () => {
    expect(Hash.canonical({ b: [{ z: 1, a: null }], a: undefined, A: "\u00e9" })).toBe(
      '{"A":"\u00e9","b":[{"a":null,"z":1}]}',
    )
  })

  test("a part that two values share reads the same in both", () => {
    const shared = { y: 2, x: 1 }
    expect(Hash.canonical({ first: shared, second: [shared] })).toBe('{"first":{"x":1,"y":2},"second":[{"x":1,"y":2}]}')
    expect(Hash.canonical({ other: shared })).toBe('{"other":{"x":1,"y":2}}')
  })

  prop("is JSON of the same value", arbitraryOf(Experiment), (experiment) => {
    expect(JSON.parse(Hash.canonical(experiment))).toEqual(JSON.parse(JSON.stringify(experiment)))
    return true
  })
})

describe("hash", () => {
  prop("sha256 agrees with the platform's", arbitraryOf(Schema.String), (text) => {
    // A lone surrogate has no UTF-8 form; both write the replacement character.
    const expected = createHash("sha256").update(text.toWellFormed(), "utf8").digest("hex")
    return Hash.sha256Hex(text) === expected
  })

  prop("does not depend on the order of keys", arbitraryOf(Experiment), (experiment) => {
    return Hash.hashOf(reversed(experiment)) === Hash.hashOf(experiment)
  })

  prop("differs when any one field differs", arbitraryOf(Experiment), (experiment) => {
    const before = Hash.hashOf(experiment)
    const changed = Object.keys(experiment).map((key) => Hash.hashOf({ ...experiment, [key]: "some other value" }))
    const removed = Object.keys(experiment).map((key) => Hash.hashOf({ ...experiment, [key]: undefined }))
    return new Set([before, ...changed, ...removed]).size === 1 + changed.length + removed.length
  })

  test("differs for a nested field and for a number written as text", () => {
    expect(Hash.hashOf({ decoder: { top_k: 50 } })).not.toBe(Hash.hashOf({ decoder: { top_k: 51 } }))
    expect(Hash.hashOf({ n: 1 })).not.toBe(Hash.hashOf({ n: "1" }))
  })
})
