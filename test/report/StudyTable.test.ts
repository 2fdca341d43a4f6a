import { describe, expect, test } from "bun:test"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"
import type { StudyCell } from "../../src/report/StudyRow.ts"
import * as StudyTable from "../../src/report/StudyTable.ts"
import type { Style } from "../../src/report/Style.ts"
import * as Manifest from "../../src/store/Manifest.ts"
import {
  cell,
  cellCompleted,
  cellFailed,
  cellSkipped,
  cellStarted,
  type Figures,
  plan,
  result,
} from "../store/samples.ts"

const plain: Style = { width: 130, color: false, unicode: true }

interface Run {
  readonly index: number
  readonly cycle: number
  readonly event?: (of: ReturnType<typeof cell>) => StudyEvent
  readonly figures?: Partial<Figures>
  readonly config?: Partial<Experiment>
}

const study = (runs: ReadonlyArray<Run>): StudyTable.StudyView => {
  const cells = runs.map((run) => cell(run.index, run.cycle, run.config))
  const planned = cells.map((one) => ({
    ...one,
    backend: one.experiment.backend,
    runner: "local",
    config: one.experiment,
  }))
  const events = runs.map((run, at) => (run.event ?? cellCompleted)(cells[at] ?? cell(run.index, run.cycle)))
  const { entries } = Manifest.document(Manifest.fold(Manifest.initial(plan(1).study, planned), events))
  return {
    name: "batch sizes",
    cells: entries.flatMap((entry): ReadonlyArray<StudyCell> => {
      const at = cells.findIndex((one) => one.index === entry.index && one.cycle === entry.cycle)
      const of = cells[at]
      if (of === undefined) return []
      return [
        { entry, config: of.experiment, result: entry.status === "completed" ? result(of, runs[at]?.figures) : null },
      ]
    }),
  }
}

const text = (lines: ReadonlyArray<string>): string => lines.join("\n")

describe("study table", () => {
  test("one row an experiment, means with intervals, only what varies as columns, every mark explained", () => {
    const runs = [1, 2].flatMap(
      (cycle): ReadonlyArray<Run> => [
        { index: 1, cycle, figures: { tokensPerSecond: 100 + cycle, joulesPerToken: 0.2 + cycle / 1000 } },
        { index: 2, cycle, figures: { tokensPerSecond: 200 + cycle, joulesPerToken: 0.1, quality: "estimated" } },
        { index: 3, cycle, figures: { joulesPerToken: null, quality: "unavailable", ttftSeconds: 1.5 } },
      ],
    )
    expect(StudyTable.render(study(runs), plain)).toBe(
      text([
        "batch sizes",
        "",
        "#  model                       batch_size     tokens/s          J/token  TTFT p50  TTFT p95  TPOT p50  valid runs",
        "─────────────────────────────────────────────────────────────────────────────────────────────────────────────────",
        "1  SmolLM2-135M-Instruct.Q4_1           1  101.5 ± 6.4  0.2015 ± 0.0064   50.0 ms   75.0 ms   8.50 ms  2/2",
        "2  SmolLM2-135M-Instruct.Q4_1           2  201.5 ± 6.4          ~0.1000   50.0 ms   75.0 ms   8.50 ms  2/2",
        "3  SmolLM2-135M-Instruct.Q4_1           3        100.0                –    1.50 s    2.25 s   8.50 ms  2/2",
        "─────────────────────────────────────────────────────────────────────────────────────────────────────────────────",
        "Means over valid runs; tokens are output tokens",
        "± half width of the 95 % interval of the mean (Student's t)",
        "~ energy is estimated by a model, not measured: RAPL is not readable here",
        "– J/token is not available: no energy",
        "! short_window in 6 of 6 runs: The window is shorter than 10 s",
      ]),
    )
  })

  test("invalid, failed, skipped and unfinished runs are unmistakable and stay out of the means", () => {
    const runs: ReadonlyArray<Run> = [
      { index: 1, cycle: 1, figures: { tokensPerSecond: 100 } },
      { index: 1, cycle: 2, figures: { tokensPerSecond: 9999, joulesPerToken: 9999, invalid: "throttled" } },
      { index: 2, cycle: 1, figures: { invalid: "throttled" } },
      { index: 2, cycle: 2, figures: { invalid: "throttled" } },
      { index: 3, cycle: 1, event: cellFailed },
      { index: 4, cycle: 1, event: cellSkipped },
      { index: 5, cycle: 1, event: cellStarted },
    ]
    expect(StudyTable.render(study(runs), plain)).toBe(
      text([
        "batch sizes",
        "",
        "#  model                       batch_size  tokens/s  J/token  TTFT p50  TTFT p95  TPOT p50  valid runs",
        "─────────────────────────────────────────────────────────────────────────────────────────────────────────",
        "1  SmolLM2-135M-Instruct.Q4_1           1     100.0   0.2000   50.0 ms   75.0 ms   8.50 ms  1/2 ✗",
        "2  SmolLM2-135M-Instruct.Q4_1           2         –        –         –         –         –  0/2 ✗ INVALID",
        "3  SmolLM2-135M-Instruct.Q4_1           3         –        –         –         –         –  0/1 ✗ FAILED",
        "4  SmolLM2-135M-Instruct.Q4_1           4         –        –         –         –         –  ✗ SKIPPED",
        "5  SmolLM2-135M-Instruct.Q4_1           5         –        –         –         –         –  0/1 …",
        "─────────────────────────────────────────────────────────────────────────────────────────────────────────",
        "Means over valid runs; tokens are output tokens",
        "… 1 cell not run to the end yet",
        "! short_window in 4 of 4 runs: The window is shorter than 10 s",
        "✗ #1 cycle 2 not valid: Because of throttled",
        "✗ #2 cycles 1, 2 not valid: Because of throttled",
        "✗ #3 cycle 1 failed: EngineError.crash: The embedded engine was ended by signal SIGSEGV",
        "✗ #4 cycle 1 skipped: vllm is not installed here",
      ]),
    )
  })

  test("narrow and plain: names are shortened, then columns left out by name; ASCII only", () => {
    const drawn = StudyTable.render(study([{ index: 1, cycle: 1, figures: { quality: "estimated" } }]), {
      width: 60,
      color: false,
      unicode: false,
    })
    expect(drawn).toBe(
      text([
        "batch sizes",
        "",
        "#  model             tokens/s  J/token  TTFT p50  valid runs",
        "------------------------------------------------------------",
        "1  SmolLM2-135M-...     100.0  ~0.2000   50.0 ms  1/1",
        "------------------------------------------------------------",
        "Means over valid runs; tokens are output tokens",
        "~ energy is estimated by a model, not measured: RAPL is not",
        "  readable here",
        "Left out for want of width: TTFT p95, TPOT p50",
        "! short_window in 1 of 1 run: The window is shorter than 10",
        "  s",
      ]),
    )
  })

  test("colour marks what is wrong and nothing else of the row; without colour there is no escape", () => {
    const view = study([{ index: 1, cycle: 1, event: cellFailed }])
    expect(StudyTable.render(view, { ...plain, color: true })).toContain("\u001b[31m0/1 ✗ FAILED\u001b[0m")
    expect(StudyTable.render(view, plain)).not.toContain("\u001b")
  })

  test("a model name cannot write to the terminal", () => {
    const view = study([{ index: 1, cycle: 1, config: { model: "evil\u001b[2J\nname" } }])
    expect(StudyTable.render(view, plain)).not.toContain("\u001b")
    expect(StudyTable.render(view, plain)).toContain("evil\ufffd[2J name")
  })

  test("settings of the same name keep as much of their path as tells them apart; other settings take their last part", () => {
    const view = study([
      { index: 1, cycle: 1, config: { embedded: { batch_size: 1 }, max_input_tokens: 8 } },
      { index: 2, cycle: 1, config: { backend: "pytorch", pytorch: { batch_size: 2 }, max_input_tokens: 9 } },
    ])
    const header = StudyTable.render(view, { ...plain, width: 200 }).split("\n")[2]
    expect(header).toContain("backend")
    expect(header).toContain("embedded.batch_size")
    expect(header).toContain("pytorch.batch_size")
    expect(header).toContain("  max_input_tokens")
  })
})
