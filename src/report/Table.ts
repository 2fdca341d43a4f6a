import { mark, type Paint, paint, type Style, shorten, textWidth } from "./Style.ts"

/** One column of a table. */
export interface Column {
  readonly header: string
  readonly align: "left" | "right"
  /** Fewest columns to which its text may be shortened; absent: it is never shortened. */
  readonly least?: number
  /** When the table is still too wide, columns with the highest number are left out first; absent: never. */
  readonly dispensable?: number
}

/** One cell: plain text and, where colours are wanted, its colour. */
export interface Cell {
  readonly text: string
  readonly paint?: Paint
}

/** A drawn table, and the headers of columns that did not fit. */
export interface Drawn {
  readonly lines: ReadonlyArray<string>
  readonly leftOut: ReadonlyArray<string>
}

const gap = "  "

const total = (widths: ReadonlyArray<number>): number =>
  widths.reduce((sum, width) => sum + width, 0) + gap.length * Math.max(0, widths.length - 1)

/** Takes what is too much from the widest columns that may be shortened. */
const fit = (
  columns: ReadonlyArray<Column>,
  natural: ReadonlyArray<number>,
  available: number,
): ReadonlyArray<number> => {
  const widths = [...natural]
  for (let excess = total(widths) - available; excess > 0; excess--) {
    let widest = -1
    for (const [position, column] of columns.entries()) {
      const width = widths[position] ?? 0
      if (column.least !== undefined && width > column.least && width > (widths[widest] ?? 0)) widest = position
    }
    if (widest === -1) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

const draw = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  widths: ReadonlyArray<number>,
  style: Style,
): ReadonlyArray<string> => {
  const line = (cells: ReadonlyArray<Cell>): string =>
    columns
      .map((column, position) => {
        const cell = cells[position] ?? { text: "" }
        const width = widths[position] ?? 0
        const text = shorten(style, cell.text, width)
        const padding = " ".repeat(Math.max(0, width - textWidth(text)))
        const painted = cell.paint === undefined ? text : paint(style, cell.paint, text)
        return column.align === "left" ? painted + padding : padding + painted
      })
      .join(gap)
      .replace(/ +$/, "")
  const rule = paint(style, "dim", mark(style, "─").repeat(total(widths)))
  const header = line(columns.map(({ header: text }): Cell => ({ text, paint: "bold" })))
  return [header, rule, ...rows.map(line), rule]
}

/** Draws rows under their headers, shortening text and then leaving columns out until the width is kept, as far as it can be. */
export const render = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  style: Style,
): Drawn => {
  const natural = columns.map((column, position) =>
    Math.max(textWidth(column.header), ...rows.map((row) => textWidth(row[position]?.text ?? ""))),
  )
  const widths = fit(columns, natural, style.width)
  const last = columns.reduce(
    (found, column, position) => ((column.dispensable ?? 0) > (columns[found]?.dispensable ?? 0) ? position : found),
    -1,
  )
  const dropped = columns[last]
  if (total(widths) <= style.width || dropped === undefined || dropped.dispensable === undefined)
    return { lines: draw(columns, rows, widths, style), leftOut: [] }
  const rest = render(
    columns.filter((_, position) => position !== last),
    rows.map((row) => row.filter((_, position) => position !== last)),
    style,
  )
  return { lines: rest.lines, leftOut: [dropped.header, ...rest.leftOut] }
}
