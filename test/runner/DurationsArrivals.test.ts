import { describe, expect, test } from "bun:test"
import * as Durations from "../../src/runner/Durations.ts"
import { experiment } from "../store/samples.ts"

const dataset = { n: 100, input_len: 512, output_len: 128, seed: 1 }
const perRequest = 512 / 20 + 128

describe("the limit of a window with arrivals", () => {
  test("requests that arrive faster than they are answered may take as long as those that are sent one by one", () => {
    const load = { mode: "poisson", rate: 100 } as const
    const { timeouts } = Durations.limits(experiment({ dataset, n: 100, load }), {})
    expect(timeouts.windowSeconds).toBeCloseTo(100 * perRequest, 9)
  })
})
