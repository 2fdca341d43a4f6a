import { describe, expect, test } from "bun:test"
import { withDefaults } from "../../src/config/Defaults.ts"

describe("the mode of a load that names none", () => {
  test("is a closed loop with a concurrency, poisson arrivals with a rate, else static batches", () => {
    const modeOf = (load: { readonly concurrency?: number; readonly rate?: number } | undefined) =>
      withDefaults({ model: "x.gguf", ...(load === undefined ? {} : { load }) }).load.mode
    expect(modeOf({ concurrency: 4 })).toBe("concurrency")
    expect(modeOf({ rate: 2 })).toBe("poisson")
    expect(modeOf({})).toBe("offline")
    expect(modeOf(undefined)).toBe("offline")
  })
})
