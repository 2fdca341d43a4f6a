const escape = "\u001b"
const tokens = new RegExp(`${escape}\\[(\\?25[lh]|[0-9;]*[A-Za-z])|[^${escape}]`, "gu")
const up = new RegExp(`^${escape}\\[(\\d+)A$`)

/** What a terminal would show after some output: only the few control sequences that the live view uses. */
export const shown = (output: string): { readonly lines: ReadonlyArray<string>; readonly cursor: boolean } => {
  const lines: Array<string> = [""]
  let row = 0
  let column = 0
  let cursor = true
  for (const [token] of output.matchAll(tokens)) {
    if (token === "\u001b[?25l") cursor = false
    else if (token === "\u001b[?25h") cursor = true
    else if (token === "\n") {
      row += 1
      column = 0
      lines[row] ??= ""
    } else if (token === "\r") column = 0
    else if (token === "\u001b[J") {
      lines.length = row + 1
      lines[row] = (lines[row] ?? "").slice(0, column)
    } else if (up.test(token)) row = Math.max(0, row - Number(token.slice(2, -1)))
    else if (token.startsWith("\u001b")) {
      if (!token.endsWith("m")) throw new Error(`the view wrote ${JSON.stringify(token)}`)
    } else {
      lines[row] = (lines[row] ?? "").slice(0, column) + token
      column += 1
    }
  }
  return { lines: lines.filter((line, position) => line !== "" || position < lines.length - 1), cursor }
}
