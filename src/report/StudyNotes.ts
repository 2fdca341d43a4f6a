import * as Numbers from "./Numbers.ts"
import type { StudyCell, StudyRow } from "./StudyRow.ts"
import { mark, paint, printable, type Style, wrap } from "./Style.ts"

const mostTroubles = 10

const firstReason = (row: StudyRow): string | null => {
  const [result] = row.valid
  if (result === undefined) return null
  const { unavailable, energy } = result
  return (
    unavailable["efficiency.joules_per_output_token"] ??
    unavailable["efficiency"] ??
    unavailable["energy.total_joules"] ??
    unavailable["energy"] ??
    energy?.total_missing.map(({ domain, why }) => `${domain}: ${why}`)[0] ??
    null
  )
}

/** What went wrong with one cell, as the rest of a sentence that begins with the cell; null when nothing did. */
const trouble = ({ entry, result }: StudyCell): string | null => {
  if (entry.status === "failed") return `failed: ${entry.error_type}: ${entry.error_message}`
  if (entry.status === "skipped") return `skipped: ${entry.error_message}`
  if (entry.status === "interrupted") return "interrupted"
  if (entry.status !== "completed") return null
  if (result === null) return "completed, but the result cannot be read"
  if (result.verdict.valid) return null
  return `not valid: ${result.verdict.reasons.map((reason) => reason.message).join("; ")}`
}

/** What went wrong with the runs of one experiment; runs with the same trouble share a sentence. */
const troubles = (row: StudyRow): ReadonlyArray<string> => {
  const found = row.cells.flatMap((cell) => {
    const text = trouble(cell)
    return text === null ? [] : [{ text, cycle: cell.entry.cycle }]
  })
  return [...Map.groupBy(found, ({ text }) => text)].map(([text, same]) => {
    const cycles = same.map(({ cycle }) => cycle).sort((left, right) => left - right)
    return `#${row.index} cycle${cycles.length === 1 ? "" : "s"} ${cycles.join(", ")} ${text}`
  })
}

const estimateReason = (row: StudyRow): string | null =>
  row.valid.flatMap((result) => result.energy?.domains ?? []).find((domain) => domain.quality === "estimated")?.why ??
  null

const warnings = (all: ReadonlyArray<StudyRow>): ReadonlyArray<string> => {
  const results = all.flatMap((row) => row.cells.flatMap((cell) => cell.result ?? []))
  const byCode = Map.groupBy(
    results.flatMap((result) => result.verdict.warnings),
    (warning) => warning.code,
  )
  return [...byCode].map(
    ([code, found]) =>
      `! ${code} in ${found.length} of ${Numbers.count(results.length, "run")}: ${found[0]?.message ?? ""}`,
  )
}

const energyNotes = (all: ReadonlyArray<StudyRow>): ReadonlyArray<string> => {
  const estimated = all.filter((row) => row.energyQuality === "estimated")
  const without = all.filter((row) => row.valid.length > 0 && row.joulesPerToken === null)
  const partly = all.filter((row) => row.joulesPerToken !== null && row.joulesPerToken.count < row.valid.length)
  const because = (reason: string | null): string => (reason === null ? "" : `: ${reason}`)
  return [
    ...estimated
      .slice(0, 1)
      .map((row) => `~ energy is estimated by a model, not measured${because(estimateReason(row))}`),
    ...without.slice(0, 1).map((row) => `– J/token is not available${because(firstReason(row))}`),
    ...partly.map(
      (row) => `J/token of #${row.index} is from ${row.joulesPerToken?.count} of its ${row.valid.length} valid runs`,
    ),
  ]
}

/** Everything that a reader of the table must know to read it rightly, one note a line, wrapped. */
export const below = (all: ReadonlyArray<StudyRow>, leftOut: ReadonlyArray<string>, style: Style): Array<string> => {
  const several = all.some((row) => (row.tokensPerSecond?.count ?? 0) > 1)
  const wrong = all.flatMap(troubles)
  const unfinished = all
    .flatMap((row) => row.cells)
    .filter(({ entry }) => ["pending", "running"].includes(entry.status))
  const plain = [
    "Means over valid runs; tokens are output tokens",
    ...(several ? ["± half width of the 95 % interval of the mean (Student's t)"] : []),
    ...energyNotes(all),
    ...(unfinished.length === 0 ? [] : [`… ${Numbers.count(unfinished.length, "cell")} not run to the end yet`]),
    ...(leftOut.length === 0 ? [] : [`Left out for want of width: ${leftOut.join(", ")}`]),
    ...warnings(all),
  ]
  const lines = (text: string) => wrap(mark(style, printable(text)), style.width, "  ")
  return [
    ...plain.flatMap(lines),
    ...wrong.slice(0, mostTroubles).flatMap((text) => lines(`✗ ${text}`).map((line) => paint(style, "red", line))),
    ...(wrong.length > mostTroubles
      ? [paint(style, "red", mark(style, `✗ … and ${wrong.length - mostTroubles} more`))]
      : []),
  ]
}
