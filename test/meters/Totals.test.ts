import { describe, expect, test } from "bun:test"
import * as Domains from "../../src/meters/Domains.ts"
import { seriesOf } from "./series.ts"

const span = { startSeconds: 0, endSeconds: 1 }

/** A domain that took this many joules in the span. */
const domain = (name: string, joules: number, over: Parameters<typeof seriesOf>[1] = {}) =>
  Domains.domainEnergy(
    seriesOf(
      [
        [0, 0],
        [1, joules],
      ],
      { domain: name, ...over },
    ),
    span,
    null,
  )

describe("the quality of a total", () => {
  const measured = domain("gpu:1", 10)
  const estimated = domain("cpu:engine-processes", 5, { quality: "estimated" })

  test("is estimated as soon as a part of it is, in whatever order", () => {
    expect(Domains.total([measured, estimated])).toMatchObject({ totalJoules: 15, quality: "estimated" })
    expect(Domains.total([estimated, measured])).toMatchObject({ totalJoules: 15, quality: "estimated" })
    expect(Domains.total([measured])).toMatchObject({ totalJoules: 10, quality: "measured" })
  })
})

describe("nested domains", () => {
  test("are not counted again however deep they lie, also when the one between cannot be read", () => {
    const node = domain("node:0", 100)
    const between = Domains.unavailableEnergy({ ...domain("cpu:package-0", 1), nestedIn: "node:0" }, "not there")
    const core = domain("cpu:core-0", 30, { nestedIn: "cpu:package-0" })
    expect(Domains.total([node, between, core])).toMatchObject({ totalJoules: 100, scope: ["node:0"], missing: [] })
  })
})
