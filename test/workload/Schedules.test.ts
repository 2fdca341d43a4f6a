import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import { Dispatch } from "../../src/workload/Dispatch.ts"
import type { Schedule } from "../../src/workload/Schedule.ts"
import * as Schedules from "../../src/workload/Schedules.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const of = (load: Experiment["load"], count = 10, seed = 1) => Schedules.of({ load, random_seed: seed }, 4, count)

const offsets = (load: Experiment["load"], count = 10, seed = 1): ReadonlyArray<number> => {
  const schedule = Result.getOrThrow(of(load, count, seed))
  return schedule.kind === "open" ? [...schedule.offsetsSeconds] : expect.unreachable()
}

describe("from a load to its schedule", () => {
  test("offline is batches of the backend's size, concurrency a closed loop", () => {
    expect(of({ mode: "offline" })).toEqual(Result.succeed({ kind: "batches", batchSize: 4 }))
    expect(of({ mode: "concurrency", concurrency: 7 })).toEqual(Result.succeed({ kind: "closed", concurrency: 7 }))
  })

  test("constant sends at equal distances", () => {
    expect(offsets({ mode: "constant", rate: 4 }, 5)).toEqual([0, 0.25, 0.5, 0.75, 1])
  })

  test("poisson: seeded, ascending, its mean gap 1/rate with a standard deviation of the same size", () => {
    const load = { mode: "poisson", rate: 50 } as const
    const times = offsets(load, 20_001)
    expect(offsets(load, 20_001)).toEqual(times)
    expect(offsets(load, 20_001, 2)).not.toEqual(times)
    expect(offsets({ ...load, seed: 1 }, 20_001, 99)).toEqual(times)
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0)
    expect(Math.abs(mean * 50 - 1)).toBeLessThan(0.03)
    expect(Math.abs(deviation * 50 - 1)).toBeLessThan(0.05)
  })

  const problems: ReadonlyArray<[Experiment["load"], string]> = [
    [{ mode: "burst" }, "load.mode"],
    [{ mode: "search" }, "load.mode"],
    [{ mode: "concurrency" }, "load.concurrency"],
    [{ mode: "poisson" }, "load.rate"],
    [{ mode: "offline", duration_seconds: 5 }, "load.duration_seconds"],
  ]
  for (const [load, field] of problems)
    test(`${JSON.stringify(load)} is a problem of ${field}`, () => {
      const found = of(load)
      expect(Result.isFailure(found) && found.failure.field).toBe(field)
    })
})

describe("a schedule as it unfolds", () => {
  const shapes = arbitraryOf(
    Schema.Struct({
      closed: Schema.Boolean,
      width: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
      total: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    }),
  )
  prop("every request is sent once and in order, and never more than the width are in flight", shapes, (shape) => {
    const schedule: Schedule = shape.closed
      ? { kind: "closed", concurrency: shape.width }
      : { kind: "batches", batchSize: shape.width }
    const dispatch = new Dispatch(schedule, shape.total)
    const sent: Array<number> = []
    let inFlight = 0
    const send = (due: { from: number; to: number }) => {
      for (let place = due.from; place < due.to; place += 1) sent.push(place)
      inFlight += due.to - due.from
    }
    send(dispatch.start())
    while (inFlight > 0) {
      expect(inFlight).toBeLessThanOrEqual(shape.width)
      if (shape.closed) expect(inFlight).toBe(Math.min(shape.width, shape.total - sent.length + inFlight))
      inFlight -= 1
      const before = inFlight
      const due = dispatch.ended()
      if (!shape.closed && before > 0) expect(due.to).toBe(due.from)
      send(due)
    }
    expect(sent).toEqual(Array.from({ length: shape.total }, (_, place) => place))
    return true
  })
})
