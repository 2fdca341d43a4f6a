import { describe, expect, test } from "bun:test"
import * as PlanText from "../../src/report/PlanText.ts"
import { cell, plan } from "../store/samples.ts"

const style = { width: 100, color: false, unicode: true }

describe("a plan as text", () => {
  test("runners, notices, findings, what is left out and why, and the cells in their order", () => {
    const skipped = { ...cell(2), skip: { code: "backend_unavailable", message: "vllm is not installed here" } }
    const of = plan(2, 1, {
      cells: [cell(1), skipped],
      notices: [{ code: "mixed_runners", severity: "warning", message: "The study mixes runners" }],
      findings: [
        { code: "docker", message: "Docker does not answer", fix: "Start it.", blocking: true },
        { code: "swap", message: "Swap is in use", fix: "Turn it off.", blocking: false },
      ],
      skipped: [
        { reason: "fp8 needs a newer GPU", config: {} },
        { reason: "fp8 needs a newer GPU", config: { a: 1 } },
      ],
    })
    expect(PlanText.render(of, style)).toBe(
      `batch sizes (study, abababab)
2 experiments, 1 cycle, 2 cells, about 1m 00s

Runners
backend   runner  image  decided by
───────────────────────────────────
embedded  local   –      detected
───────────────────────────────────

Notices
warning: The study mixes runners

This node is not ready
✗ Docker does not answer
  Start it.
! Swap is in use
  Turn it off.

Left out
1 skipped cell: vllm is not installed here
2 invalid combinations: fp8 needs a newer GPU

Cells, in the order in which they run
order  #  cycle  experiment                                        hash      runs
──────────────────────────────────────────────────────────────────────────────────────
    1  1      1  SmolLM2-135M-Instruct.Q4_1 embedded batch_size=1  00000001  local
    2  2      1  SmolLM2-135M-Instruct.Q4_1 embedded batch_size=2  00000002  ✗ skipped
──────────────────────────────────────────────────────────────────────────────────────`,
    )
  })

  test("a long plan shows its first cells and says how many there are besides", () => {
    const text = PlanText.render(plan(100, 2), style)
    expect(text).toContain("… and 160 more cells (--json has them all)")
    expect(text.split("\n").length).toBeLessThan(60)
  })
})
