import { expect, test } from "bun:test"
import { findings } from "../../src/preflight/Processors.ts"
import { experiment } from "../store/samples.ts"

const embedded = (threads?: number) =>
  experiment({ backend: "embedded", embedded: threads === undefined ? {} : { threads } })

test("as many threads as processors, or more, are told with how many fit", () => {
  expect(findings([embedded(1), embedded(4)], 4)).toMatchObject([
    { code: "threads_many", blocking: false, fix: expect.stringContaining("at most 3") },
  ])
  expect(findings([experiment({ backend: "llamacpp", llamacpp: { threads: 9 } })], 4)).toHaveLength(1)
})

test("fewer are not, nor those of an engine that chooses itself, nor one thread on one processor", () => {
  expect(findings([embedded(3), embedded()], 4)).toEqual([])
  expect(findings([embedded(1)], 1)).toEqual([])
  expect(findings([], 4)).toEqual([])
})
