import { describe, expect, test } from "bun:test"
import * as Durations from "../../src/runner/Durations.ts"
import * as Plan from "../../src/runner/Plan.ts"
import { experiment } from "../store/samples.ts"
import { planInput } from "./samples.ts"

const dataset = { n: 100, input_len: 512, output_len: 128, seed: 1 }
const perRequest = 512 / 20 + 128

describe("limits of a cell", () => {
  test("a warm-up until it settles may take max_prompts prompts", () => {
    const warmup = { ...experiment().warmup, convergence_detection: true, n_warmup: 1, max_prompts: 20 }
    expect(Durations.limits(experiment({ dataset, warmup }), {}).timeouts.warmupSeconds).toBeCloseTo(20 * perRequest, 9)
  })
})

describe("how long a study probably takes", () => {
  const seconds = (count: number, engine: Plan.PlanInput["engine"] = () => null): number =>
    Plan.plan(
      planInput(
        Array.from({ length: count }, () => ({ dataset })),
        { engine },
      ),
    ).expectedSeconds

  test("has one baseline, whatever the number of cells", () => {
    const cell = seconds(1) - 30
    expect(cell).toBeGreaterThan(0)
    expect(seconds(3)).toBeCloseTo(3 * cell + 30, 9)
  })

  test("leaves out cells that are skipped", () => {
    const engine: Plan.PlanInput["engine"] = () => ({
      unsupported: ({ n }) => (n === 7 ? [{ field: "n", message: "not seven" }] : []),
      batchSize: () => 1,
    })
    const both = Plan.plan(planInput([{ dataset }, { dataset, n: 7 }], { engine }))
    expect(both.cells.map((cell) => cell.skip?.code ?? null)).toEqual([null, "unsupported"])
    expect(both.expectedSeconds).toBeCloseTo(seconds(1, engine), 9)
  })
})
