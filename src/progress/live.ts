import { Clock, Effect, Layer } from "effect"
import type { LiveFigures } from "../domain/LiveFigures.ts"
import * as Terminal from "../platform/terminal.ts"
import * as ProgressText from "../report/ProgressText.ts"
import * as StudyProgress from "../report/StudyProgress.ts"
import type { Style } from "../report/Style.ts"
import { Progress } from "./Progress.ts"

const hideCursor = "\u001b[?25l"
const showCursor = "\u001b[?25h"
const noFigures: LiveFigures = { tokensPerSecond: null, watts: null }

/** What the view needs of a terminal. */
export interface Screen {
  readonly output: Terminal.Output
  readonly columns: () => number
  /** Registers what must happen before the process ends; gives the function that takes it back. */
  readonly beforeExit: (run: () => void) => () => void
  readonly close: () => void
}

/** The terminal behind stderr. */
export const terminal = (): Screen => {
  const width = Terminal.followWidth()
  return { output: Terminal.output(2), columns: width.columns, beforeExit: Terminal.beforeExit, close: width.stop }
}

/** Moves to the beginning of the frame's first line and clears from there. */
const eraseFrame = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A\r\u001b[J`)

/**
 * A view of the running cell below the lines that stay, redrawn five times a second. For terminals only. The cursor is
 * back, and the view gone, when the layer's scope closes and when the process exits.
 */
export const layer = (style: Omit<Style, "width">, openScreen: () => Screen = terminal) =>
  Layer.effect(
    Progress,
    Effect.gen(function* () {
      const screen = openScreen()
      let progress = StudyProgress.initial
      let figures = noFigures
      let drawnLines = 0

      const restore = () => {
        screen.output.write(`${eraseFrame(drawnLines)}${showCursor}`)
        screen.output.drain()
        drawnLines = 0
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          screen.output.write(hideCursor)
          return screen.beforeExit(restore)
        }),
        (forget) =>
          Effect.sync(() => {
            forget()
            restore()
            screen.close()
          }),
      )

      const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e9)
      const draw = (nowSeconds: number, lasting: string | null) => {
        const lines = ProgressText.frame(progress, figures, nowSeconds, { ...style, width: screen.columns() })
        const text = [...(lasting === null ? [] : [lasting]), ...lines].map((line) => `${line}\n`).join("")
        if (text === "" && drawnLines === 0) return
        screen.output.write(eraseFrame(drawnLines) + text)
        drawnLines = lines.length
      }

      yield* Effect.forkScoped(
        Effect.forever(
          Effect.andThen(
            Effect.sleep("200 millis"),
            Effect.map(now, (seconds) => draw(seconds, null)),
          ),
        ),
      )
      return Progress.of({
        emit: (event) =>
          Effect.map(now, (seconds) => {
            const before = progress
            progress = StudyProgress.apply(before, event, seconds)
            if (before.current !== null && progress.current === null) figures = noFigures
            const wide = { ...style, width: screen.columns() }
            draw(seconds, ProgressText.line(event, before, progress, "lasting", wide))
          }),
        live: (latest) =>
          Effect.sync(() => {
            figures = latest
          }),
      })
    }),
  )
