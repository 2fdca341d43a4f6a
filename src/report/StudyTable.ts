import { type Config, leaves, modelName, valueText, variedPaths } from "../domain/ConfigSummary.ts"
import type { MeanInterval } from "./Interval.ts"
import * as Numbers from "./Numbers.ts"
import * as Notes from "./StudyNotes.ts"
import { rows, type StudyCell, type StudyRow, verdict } from "./StudyRow.ts"
import { mark, paint, printable, type Style } from "./Style.ts"
import * as Table from "./Table.ts"

/** What the table needs of a study. */
export interface StudyView {
  readonly name: string
  readonly cells: ReadonlyArray<StudyCell>
}

interface Drawn extends Table.Column {
  readonly cell: (row: StudyRow) => Table.Cell
}

const interval = (value: MeanInterval | null, style: Style, prefix = ""): string =>
  value === null ? Numbers.missing : prefix + Numbers.plusMinus(value.mean, value.halfWidth, mark(style, "±"))

const seconds = (value: number | null): string => (value === null ? Numbers.missing : Numbers.latency(value))

/** A varied setting's header: its last part, or as much of the path as tells it from the others. */
const header = (path: string, paths: ReadonlyArray<string>): string => {
  const parts = path.split(".")
  for (let taken = 1; taken < parts.length; taken++) {
    const tail = parts.slice(-taken).join(".")
    if (paths.filter((other) => other === tail || other.endsWith(`.${tail}`)).length === 1) return tail
  }
  return path
}

const settingColumns = (configs: ReadonlyArray<Config>): ReadonlyArray<Drawn> => {
  const paths = variedPaths(configs).filter((path) => path !== "model")
  return paths.map((path) => ({
    header: header(path, paths),
    align: configs.every((config) => typeof (leaves(config).get(path) ?? 0) === "number") ? "right" : "left",
    least: 8,
    cell: ({ config }) => ({
      text: config === null ? Numbers.missing : printable(valueText(leaves(config).get(path))),
    }),
  }))
}

const columnsFor = (all: ReadonlyArray<StudyRow>, style: Style): ReadonlyArray<Drawn> => {
  const configs = all.map((row) => row.config).filter((config) => config !== null)
  const figure = (
    title: string,
    text: (row: StudyRow) => string,
    dispensable: number | undefined = undefined,
  ): Drawn => ({
    header: title,
    align: "right",
    ...(dispensable === undefined ? {} : { dispensable }),
    cell: (row) => ({ text: mark(style, text(row)) }),
  })
  return [
    { header: "#", align: "right", cell: (row) => ({ text: String(row.index) }) },
    {
      header: "model",
      align: "left",
      least: 8,
      cell: ({ config, cells }) => ({
        text: printable(config === null ? (cells[0]?.entry.config_summary ?? "?") : modelName(config["model"])),
      }),
    },
    ...settingColumns(configs),
    figure("tokens/s", (row) => interval(row.tokensPerSecond, style)),
    figure("J/token", (row) => interval(row.joulesPerToken, style, row.energyQuality === "estimated" ? "~" : "")),
    figure("TTFT p50", (row) => seconds(row.ttftP50Seconds), 1),
    figure("TTFT p95", (row) => seconds(row.ttftP95Seconds), 3),
    figure("TPOT p50", (row) => seconds(row.tpotP50Seconds), 2),
    {
      header: "valid runs",
      align: "left",
      cell: (row) => {
        const { text, wrong } = verdict(row)
        return { text: mark(style, text), ...(wrong ? { paint: "red" as const } : {}) }
      },
    },
  ]
}

/**
 * A study as a table: one row per experiment, means over its valid runs, and below it everything a reader must know
 * to read them rightly. Ends without a newline.
 */
export const render = (study: StudyView, style: Style): string => {
  const all = rows(study.cells)
  const columns = columnsFor(all, style)
  const table = Table.render(
    columns,
    all.map((row) => columns.map((column) => column.cell(row))),
    style,
  )
  return [
    paint(style, "bold", printable(study.name)),
    "",
    ...table.lines,
    ...Notes.below(all, table.leftOut, style),
  ].join("\n")
}
