/** How text is drawn: for which width, and whether colours and characters beyond ASCII may be used. */
export interface Style {
  /** Columns of the terminal; longer lines are shortened where that can be done. */
  readonly width: number
  readonly color: boolean
  readonly unicode: boolean
}

export type Paint = "bold" | "dim" | "red" | "green" | "yellow" | "cyan"

const codes: Readonly<Record<Paint, string>> = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" }

/** Text in a colour, where colours are wanted. */
export const paint = (style: Style, colour: Paint, text: string): string =>
  style.color && text !== "" ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text

const ascii: Readonly<Record<string, string>> = {
  "–": "-",
  "±": "+-",
  "✗": "x",
  "✓": "ok",
  "…": "...",
  "·": "|",
  "─": "-",
  µ: "u",
  "⟳": ">",
  "↷": "-",
}

/** Our own marks in characters that the terminal can draw. */
export const mark = (style: Style, text: string): string =>
  style.unicode ? text : text.replace(/[–±✗✓…·─µ⟳↷]/g, (character) => ascii[character] ?? character)

/** Text from outside without anything that a terminal would obey. */
export const printable = (text: string): string =>
  text.replace(/[\r\n\t]+/g, " ").replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, "\u{fffd}")

const isWide = (code: number): boolean =>
  (code >= 0x1100 && code <= 0x115f) ||
  (code >= 0x2e80 && code <= 0xa4cf) ||
  (code >= 0xac00 && code <= 0xd7a3) ||
  (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0xfe30 && code <= 0xfe6f) ||
  (code >= 0xff00 && code <= 0xff60) ||
  (code >= 0xffe0 && code <= 0xffe6) ||
  (code >= 0x1f300 && code <= 0x1f64f) ||
  (code >= 0x1f900 && code <= 0x1f9ff) ||
  (code >= 0x20000 && code <= 0x3fffd)

const characterWidth = (character: string): number =>
  /^\p{Mark}/u.test(character) ? 0 : isWide(character.codePointAt(0) ?? 0) ? 2 : 1

/** Columns that unpainted text takes on a terminal. */
export const textWidth = (text: string): number => {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

const takeColumns = (characters: ReadonlyArray<string>, columns: number): string => {
  let taken = ""
  let width = 0
  for (const character of characters) {
    width += characterWidth(character)
    if (width > columns) break
    taken += character
  }
  return taken
}

/** Unpainted text in at most so many columns; what is cut off at the end is marked. */
export const shorten = (style: Style, text: string, columns: number): string => {
  if (textWidth(text) <= columns) return text
  const ellipsis = mark(style, "…")
  return columns <= ellipsis.length
    ? takeColumns([...text], columns)
    : takeColumns([...text], columns - ellipsis.length) + ellipsis
}

/** Words in lines of at most so many columns; a longer word keeps a line of its own. */
export const wrap = (text: string, columns: number, indent = ""): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`
    const prefix = lines.length === 0 ? 0 : textWidth(indent)
    if (line !== "" && prefix + textWidth(longer) > columns) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].map((one, position) => (position === 0 ? one : indent + one))
}
