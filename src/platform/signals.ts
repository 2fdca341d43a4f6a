import type { EndingSignal } from "../domain/EndingSignal.ts"

/**
 * Calls `first` on the first ending signal and `again` on every later one. Writes to a pipe that nobody reads fail
 * instead of ending the process, so that what is being measured is still recorded.
 */
export const onEndingSignals = (first: (signal: EndingSignal) => void, again: (signal: EndingSignal) => void): void => {
  let seen = false
  const listen = (signal: EndingSignal): void => {
    process.on(signal, () => {
      if (seen) again(signal)
      else first(signal)
      seen = true
    })
  }
  listen("SIGHUP")
  listen("SIGINT")
  listen("SIGTERM")
  process.on("SIGPIPE", () => undefined)
}

/** Ends the process now. */
export const exit = (code: number): never => process.exit(code)
