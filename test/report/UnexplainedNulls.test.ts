import { describe, expect, test } from "bun:test"
import { unexplainedNulls } from "../../src/domain/UnexplainedNulls.ts"
import { cell, result } from "../store/samples.ts"

describe("nulls of a result", () => {
  const sound = result(cell(1))

  test("a result with a reason for everything that is missing is sound", () => {
    expect(unexplainedNulls(sound)).toEqual([])
    expect(unexplainedNulls(result(cell(1), { joulesPerToken: null, quality: "unavailable" }))).toEqual([])
  })

  test("each null without a reason is named by its path; a reason for a section covers what is in it", () => {
    const bare = { ...sound, unavailable: {}, latency: null, window: sound.window && { ...sound.window, steady: null } }
    expect(unexplainedNulls(bare)).toEqual([
      "window.steady",
      "throughput.goodput_requests_per_second",
      "latency",
      "efficiency.co2e_grams",
      "efficiency.energy_cost_per_million_output_tokens",
      "efficiency.machine_cost_per_million_output_tokens",
      "efficiency_steady.co2e_grams",
      "efficiency_steady.energy_cost_per_million_output_tokens",
      "efficiency_steady.machine_cost_per_million_output_tokens",
      "warmup.converged",
      "warmup.cv",
      "warmup.target_cv",
    ])
    const covered = { window: "", throughput: "", latency: "", efficiency: "", efficiency_steady: "", warmup: "" }
    expect(unexplainedNulls({ ...bare, unavailable: covered })).toEqual([])
  })
})
