import { describe, expect } from "bun:test"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { DomainSeries } from "../../src/domain/Energy.ts"
import * as BaselineCache from "../../src/harness/BaselineCache.ts"
import type { MeterSession } from "../../src/meters/Meter.ts"
import { effect } from "../lib/effect.ts"
import { clockTimeline } from "../lib/memory.ts"
import { cost, steady } from "./observation.ts"

/** A node whose domains draw the watts that `watts` says at the time of the reading. */
const session = (watts: Readonly<Record<string, () => number>>, over: Partial<DomainSeries> = {}): MeterSession => {
  const at = (seconds: number) =>
    Object.entries(watts).map(([domain, draws]) => steady(draws(), 0, Math.ceil(seconds) + 1, { domain, ...over }))
  return {
    domains: at(1),
    watchProcesses: () => Effect.void,
    currentWatts: Effect.succeed(null),
    read: Effect.map(Clock.currentTimeMillis, (millis) => ({ series: at(millis / 1000), cost })),
  }
}

const passing = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const running = yield* Effect.forkChild(
      Effect.flatMap(body, (value) => Effect.map(Clock.currentTimeMillis, (ended) => ({ value, ended }))),
    )
    yield* TestClock.adjust("30 seconds")
    const { value, ended } = yield* Fiber.join(running)
    return { value, waitedSeconds: (ended - began) / 1000 }
  })

describe("idle power between the cells of a run", () => {
  effect("is kept for half an hour, and then measured again", () =>
    Effect.gen(function* () {
      let draws = 50
      const cache = yield* BaselineCache.make
      const node = session({ "cpu:package-0": () => draws })
      const cell = passing(cache.baseline(node, 30))
      const first = yield* cell
      expect(first.waitedSeconds).toBe(30)
      expect(first.value.figures).toMatchObject([{ domain: "cpu:package-0", measuredAtSeconds: 30 }])
      expect(first.value.figures[0]?.watts).toBeCloseTo(50, 6)
      draws = 20
      const second = yield* cell
      expect(second.waitedSeconds).toBe(0)
      expect(second.value).toEqual(first.value)
      yield* TestClock.adjust("30 minutes")
      const third = yield* cell
      expect(third.waitedSeconds).toBe(30)
      expect(third.value.figures.map((one) => Math.round(one.watts))).toEqual([20])
      expect((yield* cell).value).toEqual(third.value)
    }).pipe(Effect.provide(clockTimeline)),
  )

  effect("is measured again for a cell that meters a domain which was not there before", () =>
    Effect.gen(function* () {
      const cache = yield* BaselineCache.make
      yield* passing(cache.baseline(session({ "cpu:package-0": () => 50 }), 30))
      const both = session({ "cpu:package-0": () => 50, "gpu:1": () => 70 })
      const { value, waitedSeconds } = yield* passing(cache.baseline(both, 30))
      expect(waitedSeconds).toBe(30)
      expect(value.figures.map((one) => [one.domain, Math.round(one.watts)])).toEqual([
        ["cpu:package-0", 50],
        ["gpu:1", 70],
      ])
    }).pipe(Effect.provide(clockTimeline)),
  )

  effect("is not waited for where everything is estimated, and says why there is none", () =>
    Effect.gen(function* () {
      const cache = yield* BaselineCache.make
      const estimated = session({ "cpu:engine-processes": () => 5 }, { quality: "estimated" })
      const { value, waitedSeconds } = yield* passing(cache.baseline(estimated, 30))
      expect(waitedSeconds).toBe(0)
      expect(value.figures).toEqual([])
      expect(value.why).toContain("no domain is measured here")
    }).pipe(Effect.provide(clockTimeline)),
  )
})
