import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { Manifest as ManifestSchema, StudySummary } from "../../src/domain/Manifest.ts"
import type { Cell } from "../../src/domain/Plan.ts"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"
import * as Manifest from "../../src/store/Manifest.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { cell, cellCompleted, cellFailed, cellSkipped, cellStarted, finished, plan, started } from "./samples.ts"

const three = plan(3, 2)
const planned = three.cells.map((one) => ({
  index: one.index,
  cycle: one.cycle,
  hash: one.hash,
  backend: one.experiment.backend,
  runner: one.runner.mode,
  config: one.experiment,
}))
const start = Manifest.initial(three.study, planned)
const after = (events: ReadonlyArray<StudyEvent>) => Manifest.document(Manifest.fold(start, events))
const statuses = (events: ReadonlyArray<StudyEvent>) => after(events).entries.map((entry) => entry.status)

const kinds: ReadonlyArray<(of: Cell) => StudyEvent> = [
  cellStarted,
  cellCompleted,
  cellFailed,
  cellSkipped,
  ({ index, cycle, hash }) => ({ event: "cell_interrupted", at: "2026-03-01T10:00:09.000001Z", index, cycle, hash }),
]

/** Events of arbitrary kinds over cells inside and outside the plan. */
const Step = Schema.Struct({
  kind: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: kinds.length })),
  index: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  cycle: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 })),
})
const eventOf = (step: typeof Step.Type): StudyEvent =>
  kinds[step.kind]?.(cell(step.index, step.cycle)) ?? started(three)
const History = arbitraryOf(Schema.Struct({ steps: Schema.Array(Step), cut: Schema.Int }))

describe("manifest", () => {
  test("before anything starts every planned cell is pending, in the plan's order, told apart by what varies", () => {
    const manifest = after([])
    expect(manifest.counts).toEqual({
      cells: 6,
      pending: 6,
      running: 0,
      completed: 0,
      failed: 0,
      skipped: 0,
      interrupted: 0,
    })
    expect(manifest.entries.map((entry) => [entry.index, entry.cycle])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [1, 2],
      [2, 2],
      [3, 2],
    ])
    expect(manifest.entries[1]?.config_summary).toBe("SmolLM2-135M-Instruct.Q4_1 embedded batch_size=2")
  })

  test("each event moves its cell; failures and skips keep their reason", () => {
    const manifest = after([
      started(three),
      cellStarted(cell(1)),
      cellCompleted(cell(1)),
      cellStarted(cell(2)),
      cellFailed(cell(2)),
      cellSkipped(cell(3)),
      cellStarted(cell(1, 2)),
    ])
    expect(manifest.entries.map((entry) => entry.status)).toEqual([
      "completed",
      "failed",
      "skipped",
      "running",
      "pending",
      "pending",
    ])
    expect(manifest.entries[0]?.result_file).toBe("cells/1-1/result.json")
    expect(manifest.entries[1]?.error_type).toBe("EngineError.crash")
    expect(manifest.entries[2]?.error_type).toBe("backend_unavailable")
    expect(manifest.status).toBe("running")
    expect(Schema.decodeSync(ManifestSchema)(manifest)).toEqual(manifest)
  })

  test("a study that is started again leaves no cell running, and a retried cell forgets its failure", () => {
    expect(statuses([started(three), cellStarted(cell(1)), started(three)])[0]).toBe("interrupted")
    const retried = after([cellStarted(cell(1)), cellFailed(cell(1)), cellStarted(cell(1))]).entries[0]
    expect([retried?.status, retried?.error_type, retried?.completed_at]).toEqual(["running", null, null])
  })

  test("without a plan the journal alone still tells what it knows", () => {
    const state = Manifest.fold(Manifest.initial({ name: "?", hash: "" }, []), [
      started(three),
      cellStarted(cell(2)),
      cellCompleted(cell(2)),
      cellSkipped(cell(1)),
    ])
    const manifest = Manifest.document(state)
    expect(manifest.study_name).toBe("batch sizes")
    expect(manifest.entries.map((entry) => [entry.index, entry.status, entry.backend])).toEqual([
      [2, "completed", "embedded"],
      [1, "skipped", null],
    ])
  })

  test("the summary keeps measured and estimated joules apart and counts what has none", () => {
    const figures = (quality: string | null, joules: number | null, valid: boolean): StudyEvent => ({
      event: "cell_completed",
      at: "2026-03-01T10:02:00.500000Z",
      index: quality === "measured" ? 1 : quality === "estimated" ? 2 : 3,
      cycle: 1,
      hash: "00",
      result_file: "r",
      figures: {
        valid,
        energy_joules: joules,
        energy_quality: quality,
        output_tokens_per_second: 1,
        duration_seconds: 2,
      },
    })
    const notice: StudyEvent = { event: "notice", at: "x", code: "c", severity: "warning", message: "m" }
    const state = Manifest.fold(start, [
      started(three),
      notice,
      notice,
      { ...notice, severity: "info" },
      figures("measured", 10, true),
      figures("estimated", 7, true),
      figures("unavailable", null, false),
    ])
    const summary = Manifest.summary(state)
    expect(summary.totals).toEqual({
      measured_joules: 10,
      measured_cells: 1,
      estimated_joules: 7,
      estimated_cells: 1,
      unavailable_cells: 1,
      window_seconds: 6,
      valid_cells: 2,
      invalid_cells: 1,
    })
    expect(summary.warnings).toHaveLength(1)
    expect(summary.wall_time_seconds).toBeCloseTo(120.5, 3)
    expect(summary.unique_configurations).toBe(3)
    expect(Schema.decodeSync(StudySummary)(summary)).toEqual(summary)
  })

  prop("folding a prefix and then the rest is folding all", History, ({ steps, cut }) => {
    const events = steps.map(eventOf)
    const at = events.length === 0 ? 0 : Math.abs(cut) % (events.length + 1)
    const whole = Manifest.fold(start, events)
    const parts = Manifest.fold(Manifest.fold(start, events.slice(0, at)), events.slice(at))
    expect(Manifest.document(parts)).toEqual(Manifest.document(whole))
    expect(Manifest.summary(parts)).toEqual(Manifest.summary(whole))
    return true
  })

  prop("counts are always the counts of the entries, and every cell stands once", History, ({ steps }) => {
    const { counts, entries } = after(steps.map(eventOf))
    const count = (status: string) => entries.filter((entry) => entry.status === status).length
    expect(counts).toEqual({
      cells: entries.length,
      pending: count("pending"),
      running: count("running"),
      completed: count("completed"),
      failed: count("failed"),
      skipped: count("skipped"),
      interrupted: count("interrupted"),
    })
    return new Set(entries.map((entry) => `${entry.index}/${entry.cycle}`)).size === entries.length
  })

  prop("an event twice in a row changes nothing more", History, ({ steps }) => {
    const events = steps.map(eventOf)
    expect(after(events.flatMap((event) => [event, event]))).toEqual(after(events))
    return true
  })

  prop("the order in which different cells move does not matter to where they stand", History, ({ steps }) => {
    const events = steps.filter((step) => step.index <= 3 && step.kind < kinds.length).map(eventOf)
    const byCell = Map.groupBy(events, (event) => ("index" in event ? `${event.index}/${event.cycle}` : ""))
    const regrouped = [...byCell.values()].reverse().flat()
    expect(after(regrouped).entries).toEqual(after(events).entries)
    return true
  })

  test("a finished study says so", () => {
    expect(after([started(three), finished(6)]).status).toBe("completed")
  })
})
