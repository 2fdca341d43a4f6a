import { describe, expect, test } from "bun:test"
import { type ClockAnchor, durationSeconds, toRfc3339 } from "../../src/domain/Window.ts"

const anchor: ClockAnchor = { monotonicSeconds: 1000, unixMicros: Date.UTC(2026, 0, 1) * 1000 }

describe("times of a result", () => {
  test("follow from the monotonic clock and one anchor, to the microsecond, whatever the wall clock does meanwhile", () => {
    expect(toRfc3339(anchor, 1000)).toBe("2026-01-01T00:00:00.000000Z")
    expect(toRfc3339(anchor, 1061.234567)).toBe("2026-01-01T00:01:01.234567Z")
    expect(toRfc3339(anchor, 999.999999)).toBe("2025-12-31T23:59:59.999999Z")
  })

  test("two times lie as far apart as the clock says", () => {
    const span = { startSeconds: 1000.25, endSeconds: 1090.5 }
    const between = Date.parse(toRfc3339(anchor, span.endSeconds)) - Date.parse(toRfc3339(anchor, span.startSeconds))
    expect(between / 1000).toBe(durationSeconds(span))
  })
})
