import { Effect, Ref } from "effect"
import type { DomainInfo } from "../domain/Energy.ts"
import { Timeline } from "../domain/Timeline.ts"
import { durationSeconds } from "../domain/Window.ts"
import * as Integrate from "../meters/Integrate.ts"
import type { MeterSession } from "../meters/Meter.ts"
import type { BaselineFigure } from "./Observation.ts"

/** What a baseline phase gave: figures by domain, or the reason why there are none. */
export interface Baseline {
  readonly figures: ReadonlyArray<BaselineFigure>
  readonly why: string | null
}

/** Idle power is measured once and reused for this long by the cells that follow on the same node. */
const validSeconds = 1800

const measurable = (domains: ReadonlyArray<DomainInfo>): ReadonlyArray<DomainInfo> =>
  domains.filter((domain) => domain.quality === "measured")

const measure = Effect.fnUntraced(function* (session: MeterSession, seconds: number) {
  const timeline = yield* Timeline
  const startSeconds = yield* timeline.now
  yield* Effect.sleep(`${seconds} seconds`)
  const span = { startSeconds, endSeconds: yield* timeline.now }
  const { series } = yield* session.read
  return series.flatMap((one): ReadonlyArray<BaselineFigure> => {
    const energy = Integrate.energyOver(one, span)
    if (one.quality !== "measured" || energy.joules === null) return []
    return [
      {
        domain: one.domain,
        watts: energy.joules / durationSeconds(span),
        overSeconds: seconds,
        measuredAtSeconds: span.endSeconds,
      },
    ]
  })
})

/** Idle power of the node's measured domains, kept between the cells of one run. */
export const make = Effect.gen(function* () {
  const timeline = yield* Timeline
  const kept = yield* Ref.make<ReadonlyArray<BaselineFigure>>([])
  return {
    /**
     * The baseline for one cell: measured for `seconds`, or the kept one when it is fresh and covers every measured
     * domain. An estimate has no idle power, so without a measured domain there is nothing to wait for.
     */
    baseline: (session: MeterSession, seconds: number): Effect.Effect<Baseline, never, Timeline> =>
      Effect.gen(function* () {
        const wanted = measurable(session.domains)
        if (wanted.length === 0) {
          return {
            figures: [],
            why: "no domain is measured here, and an estimate counts only the engine's own processes",
          }
        }
        const now = yield* timeline.now
        const before = yield* Ref.get(kept)
        const fresh = wanted.every((domain) =>
          before.some(
            (figure) =>
              figure.domain === domain.domain &&
              now - figure.measuredAtSeconds <= validSeconds &&
              figure.overSeconds >= seconds,
          ),
        )
        if (fresh) return { figures: before, why: null }
        const figures = yield* measure(session, seconds)
        yield* Ref.set(kept, figures)
        return { figures, why: figures.length > 0 ? null : "no domain gave samples while the node was idle" }
      }),
  }
})
