import { summarise, variedPaths } from "../domain/ConfigSummary.ts"
import type { Plan } from "../domain/Plan.ts"
import type { RunnerSpec } from "../domain/RunnerSpec.ts"
import * as Numbers from "./Numbers.ts"
import { mark, type Paint, paint, printable, type Style, wrap } from "./Style.ts"
import * as Table from "./Table.ts"

const mostCells = 40
const mostReasons = 20

const sourceText: Readonly<Record<RunnerSpec["source"], string>> = {
  flag: "--runner",
  env: "environment",
  yaml: "study file",
  user_config: "user config",
  multi_engine_elevation: "raised to Docker, as the study has several backends",
  auto_detected: "detected",
  default: "default",
}

const severityPaint: Readonly<Record<string, Paint>> = { info: "cyan", warning: "yellow", error: "red" }

const section = (title: string, lines: ReadonlyArray<string>, style: Style): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", paint(style, "bold", title), ...lines]

const text = (value: string): Table.Cell => ({ text: printable(value) })

const runners = (plan: Plan, style: Style): ReadonlyArray<string> => {
  const columns: ReadonlyArray<Table.Column> = [
    { header: "backend", align: "left" },
    { header: "runner", align: "left" },
    { header: "image", align: "left", least: 12 },
    { header: "decided by", align: "left", least: 12 },
  ]
  const rows = Object.entries(plan.runners).map(([backend, runner]) => [
    text(backend),
    text(runner.mode),
    text(runner.image ?? mark(style, Numbers.missing)),
    text(sourceText[runner.source]),
  ])
  return Table.render(columns, rows, style).lines
}

const cells = (plan: Plan, style: Style): ReadonlyArray<string> => {
  const shown = plan.cells.slice(0, mostCells)
  const configs = new Map(plan.cells.map((cell) => [cell.index, cell.experiment]))
  const varied = variedPaths([...configs.values()])
  const columns: ReadonlyArray<Table.Column> = [
    { header: "order", align: "right" },
    { header: "#", align: "right" },
    { header: "cycle", align: "right" },
    { header: "experiment", align: "left", least: 20 },
    { header: "hash", align: "left", dispensable: 1 },
    { header: "runs", align: "left" },
  ]
  const rows = shown.map(
    (cell, position): ReadonlyArray<Table.Cell> => [
      text(String(position + 1)),
      text(String(cell.index)),
      text(String(cell.cycle)),
      text(summarise(cell.experiment, varied)),
      text(cell.hash.slice(0, 8)),
      cell.skip === null ? text(cell.runner.mode) : { text: mark(style, "✗ skipped"), paint: "red" },
    ],
  )
  const more = plan.cells.length - shown.length
  return [
    ...Table.render(columns, rows, style).lines,
    ...(more > 0 ? [mark(style, `… and ${Numbers.count(more, "more cell")} (--json has them all)`)] : []),
  ]
}

const leftOut = (plan: Plan): ReadonlyArray<string> => {
  const count = (what: string, reasons: ReadonlyArray<string>): ReadonlyArray<string> =>
    [...Map.groupBy(reasons, (reason) => reason)].map(
      ([reason, same]) => `${Numbers.count(same.length, what)}: ${reason}`,
    )
  const byReason = [
    ...count(
      "skipped cell",
      plan.cells.flatMap((cell) => cell.skip?.message ?? []),
    ),
    ...count(
      "invalid combination",
      plan.skipped.map((one) => one.reason),
    ),
  ]
  const shown = byReason.slice(0, mostReasons)
  return byReason.length > mostReasons
    ? [...shown, `and ${Numbers.count(byReason.length - mostReasons, "more reason")} (--json has them all)`]
    : shown
}

/** A plan for a person: what would run, where, in which order, and what stands in the way. Ends without a newline. */
export const render = (plan: Plan, style: Style): string => {
  const { study, counts } = plan
  const lines = (value: string, indent = "  ") => wrap(mark(style, printable(value)), style.width, indent)
  const findings = plan.findings.flatMap((finding) => [
    ...lines(`${finding.blocking ? "✗" : "!"} ${finding.message}`).map((line) =>
      paint(style, finding.blocking ? "red" : "yellow", line),
    ),
    ...lines(finding.fix).map((line) => `  ${line}`),
  ])
  const blocked = plan.findings.some((finding) => finding.blocking)
  return [
    `${paint(style, "bold", printable(study.name))} (${study.kind}, ${study.hash.slice(0, 8)})`,
    [
      Numbers.count(counts.experiments, "experiment"),
      Numbers.count(counts.cycles, "cycle"),
      Numbers.count(counts.cells, "cell"),
      `about ${Numbers.duration(plan.expectedSeconds)}`,
    ].join(", "),
    ...section("Runners", runners(plan, style), style),
    ...section(
      "Notices",
      plan.notices.flatMap((notice) =>
        lines(`${notice.severity}: ${notice.message}`).map((line) =>
          paint(style, severityPaint[notice.severity] ?? "cyan", line),
        ),
      ),
      style,
    ),
    ...section(blocked ? "This node is not ready" : "Preflight", findings, style),
    ...section(
      "Left out",
      leftOut(plan).flatMap((line) => lines(line)),
      style,
    ),
    ...section("Cells, in the order in which they run", plan.cells.length === 0 ? [] : cells(plan, style), style),
  ].join("\n")
}
