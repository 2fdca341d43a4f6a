import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import { ContainerInput, limitsOf, sizeBytes } from "../../src/domain/Container.ts"

const accepted = (input: unknown) => Result.isSuccess(Schema.decodeUnknownResult(ContainerInput)(input))

describe("limits of a container", () => {
  test("sizes are bytes, or Docker's units of 1024", () => {
    expect(["1024", "1b", "2k", "3m", "8g", "1t", "512MB", "1.5g", "8 G"].map(sizeBytes)).toEqual([
      1024,
      1,
      2048,
      3 * 2 ** 20,
      8 * 2 ** 30,
      2 ** 40,
      512 * 2 ** 20,
      1.5 * 2 ** 30,
      8 * 2 ** 30,
    ])
    expect(sizeBytes(77)).toBe(77)
  })

  test("what is no size, no set of processors, or too few processes is refused", () => {
    for (const memory of ["8gg", "g", "", "-1", "0", 0, -5, 1.5]) expect(accepted({ memory })).toBe(false)
    for (const cpuset of ["a", "0-", "-1", "0,,1", ""]) expect(accepted({ cpuset })).toBe(false)
    for (const cpuset of ["0", "0-3", "0,2-5"]) expect(accepted({ cpuset })).toBe(true)
    expect(limitsOf({ cpuset: 0 }).cpuset).toBe("0")
    expect(accepted({ cpuset: 0 })).toBe(true)
    expect(accepted({ cpuset: -1 })).toBe(false)
    expect(accepted({ pids_limit: 15 })).toBe(false)
  })

  test("nothing asked for is no limit but that on processes", () => {
    expect(limitsOf({})).toEqual({ memoryBytes: null, cpuset: null, shmBytes: null, pids: 8192 })
  })
})
