import { expect, test } from "bun:test"
import { Schema } from "effect"
import * as Exit from "../../src/runner/Exit.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"

const count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }))

test.each([
  [{ cells: 3, completed: 3 }, 0],
  [{ cells: 3, completed: 2 }, 1],
  [{ cells: 3, completed: 0 }, 1],
  [{ cells: 0, completed: 0 }, 1],
])("%p ends with %d", (tally, code) => {
  expect(Exit.ofStudy(tally)).toBe(code)
})

prop(
  "0 is kept for studies of which every cell completed, and there was one",
  arbitraryOf(Schema.Struct({ completed: count, others: count })),
  ({ completed, others }) =>
    (Exit.ofStudy({ cells: completed + others, completed }) === 0) === (others === 0 && completed > 0),
)

test("a signal ends with the code that shells report for it", () => {
  expect([Exit.ofSignal("SIGHUP"), Exit.ofSignal("SIGINT"), Exit.ofSignal("SIGTERM")]).toEqual([129, 130, 143])
})
