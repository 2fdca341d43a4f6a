import { describe, expect, test } from "bun:test"
import { best, candidates } from "../../src/engines/embedded/Calibration.ts"

const points = (...milliseconds: ReadonlyArray<readonly [threads: number, milliseconds: number]>) =>
  milliseconds.map(([threads, decode_milliseconds]) => ({ threads, decode_milliseconds }))

describe("the number of threads", () => {
  test("leaves a core to the load generator and the meters", () => {
    expect([1, 2, 3, 4, 16].map(candidates)).toEqual([[1], [1], [1, 2], [1, 2, 3], [1, 8, 15]])
  })

  test("grows only for a clear gain", () => {
    expect(best(points([1, 10], [2, 9.6], [3, 9.4]))?.threads).toBe(3)
    expect(best(points([1, 10], [2, 9.6]))?.threads).toBe(1)
    expect(best(points([1, 10], [8, 4], [15, 3.9]))?.threads).toBe(8)
    expect(best(points([1, 10], [8, 40]))?.threads).toBe(1)
    expect(best([])).toBeNull()
  })
})
