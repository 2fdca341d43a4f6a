import type { LiveFigures } from "../domain/LiveFigures.ts"
import type { Phase } from "../domain/Phase.ts"
import type { CellFigures, StudyEvent } from "../domain/StudyEvent.ts"
import * as Numbers from "./Numbers.ts"
import { remainingSeconds, type StudyProgress } from "./StudyProgress.ts"
import { mark, type Paint, paint, printable, type Style, shorten } from "./Style.ts"

const phaseText: Readonly<Record<Phase, string>> = {
  gate: "preparing model, prompts and meters",
  baseline: "measuring idle power",
  launch: "starting the engine",
  load: "loading the model",
  warmup: "warming up",
  thermal_floor: "letting temperatures settle",
  window: "measuring",
  drain: "waiting for the last requests",
  stop: "stopping the engine",
}

const figuresText = (figures: CellFigures): string =>
  [
    ...(figures.output_tokens_per_second === null
      ? []
      : [`${Numbers.significant(figures.output_tokens_per_second)} tokens/s`]),
    figures.energy_joules === null
      ? "energy not available"
      : `${figures.energy_quality === "estimated" ? "~" : ""}${Numbers.si(figures.energy_joules, "J")}`,
    ...(figures.duration_seconds === null ? [] : [`in ${Numbers.duration(figures.duration_seconds)}`]),
  ].join(", ")

const outcome = (event: StudyEvent): { readonly text: string; readonly colour: Paint } | null => {
  switch (event.event) {
    case "cell_completed":
      return event.figures.valid
        ? { text: `✓ ${figuresText(event.figures)}`, colour: "green" }
        : { text: `✗ NOT VALID: ${figuresText(event.figures)}`, colour: "red" }
    case "cell_failed":
      return {
        text: `✗ FAILED: ${event.error_type}: ${event.error_message}${event.error_fix === undefined ? "" : ` (${event.error_fix})`}`,
        colour: "red",
      }
    case "cell_skipped":
      return { text: `↷ skipped: ${event.message}`, colour: "yellow" }
    case "cell_interrupted":
      return { text: "✗ interrupted", colour: "yellow" }
    default:
      return null
  }
}

const severityPaint: Readonly<Record<string, Paint>> = { info: "cyan", warning: "yellow", error: "red" }

const counts = (progress: StudyProgress): string =>
  [
    `${progress.completed} completed`,
    ...(progress.invalid > 0 ? [`${progress.invalid} of them not valid`] : []),
    ...(progress.failed > 0 ? [`${progress.failed} failed`] : []),
    ...(progress.skipped > 0 ? [`${progress.skipped} skipped`] : []),
    ...(progress.interrupted > 0 ? [`${progress.interrupted} interrupted`] : []),
  ].join(", ")

/** Which transitions become a line that stays. The live view shows the passing ones in its frame instead. */
export type Detail = "all" | "lasting"

/**
 * One event as one line, without time and newline; null when it is not worth a line. `progress` is the state after the
 * event, `before` the one before it (whose current cell has just ended).
 */
export const line = (
  event: StudyEvent,
  before: StudyProgress,
  progress: StudyProgress,
  detail: Detail,
  style: Style,
): string | null => {
  const place = `[${progress.position}/${progress.cells}]`
  const drawn = (text: string): string => mark(style, printable(text))
  const ended = outcome(event)
  if (ended !== null) {
    const summary = event.event === "cell_skipped" ? "" : `${before.current?.summary ?? ""} `
    const cycle = "cycle" in event ? `cycle ${event.cycle} ` : ""
    return `${place} ${drawn(`${summary}${cycle}`)}${paint(style, ended.colour, drawn(ended.text))}`
  }
  switch (event.event) {
    case "study_started":
      return drawn(`${event.study_name}: ${Numbers.count(event.cells, "cell")}, results in ${event.directory}`)
    case "cell_started":
      return detail === "all" ? drawn(`${place} ${event.summary} cycle ${event.cycle}, ${event.runner}`) : null
    case "cell_phase":
      return detail === "all" ? drawn(`${place} ${phaseText[event.phase]}`) : null
    case "notice":
      return paint(style, severityPaint[event.severity] ?? "cyan", drawn(`${event.severity}: ${event.message}`))
    case "study_finished":
      return drawn(`${progress.name} ${event.status}: ${counts(progress)}`)
    default:
      return null
  }
}

/** The two lines that the live view redraws, each within the style's width; none while nothing runs. */
export const frame = (
  progress: StudyProgress,
  figures: LiveFigures,
  nowSeconds: number,
  style: Style,
): ReadonlyArray<string> => {
  if (progress.startedSeconds === null || progress.finished) return []
  const { current } = progress
  const left = remainingSeconds(progress, nowSeconds)
  const first =
    current === null
      ? `[${progress.position}/${progress.cells}] waiting for the next cell`
      : `[${progress.position}/${progress.cells}] ${current.summary} cycle ${current.cycle} · ${
          current.phase === null
            ? "starting"
            : `${phaseText[current.phase]} ${Numbers.duration(nowSeconds - current.phaseSeconds)}`
        }`
  const second = [
    `elapsed ${Numbers.duration(nowSeconds - progress.startedSeconds)}`,
    ...(left === null ? [] : [`about ${Numbers.duration(left)} left`]),
    ...(figures.tokensPerSecond === null ? [] : [`${Numbers.significant(figures.tokensPerSecond)} tokens/s`]),
    ...(figures.watts === null ? [] : [`${Numbers.significant(figures.watts)} W`]),
    counts(progress),
  ].join(" · ")
  const fit = (text: string): string => shorten(style, mark(style, printable(text)), style.width - 1)
  return [paint(style, "bold", fit(first)), paint(style, "dim", fit(second))]
}
