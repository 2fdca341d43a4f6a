import { describe, expect, test } from "bun:test"
import { StudyEvent } from "../../src/domain/StudyEvent.ts"
import * as Journal from "../../src/store/Journal.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { cell, cellCompleted, cellStarted, plan, started } from "./samples.ts"

const first = started(plan(1))
const second = cellStarted(cell(1))
const third = cellCompleted(cell(1))
const text = [first, second, third].map(Journal.line).join("")

describe("journal", () => {
  prop("every event is one line that reads back as itself", arbitraryOf(StudyEvent), (event) => {
    const line = Journal.line(event)
    const journal = Journal.parse(line)
    expect(line.indexOf("\n")).toBe(line.length - 1)
    expect(JSON.stringify(journal.events)).toBe(JSON.stringify([event]))
    return true
  })

  test("cut at any byte, whole lines count and the torn one does not", () => {
    const ends = [...text.matchAll(/\n/g)].map((match) => match.index + 1)
    for (let length = 0; length <= text.length; length++) {
      const journal = Journal.parse(text.slice(0, length))
      expect(journal.events).toHaveLength(ends.filter((end) => end <= length).length)
      expect(journal.unfinished).toBe(length !== 0 && !ends.includes(length))
      expect(journal.damagedLines).toEqual([])
    }
  })

  test("a line twice in a row counts once, an event of a later version is named, a broken line is numbered", () => {
    const journal = Journal.parse(
      `${Journal.line(first)}${Journal.line(first)}{"event":"cell_teleported","at":"x","index":1}\n{"event":"cell_st\n\n${Journal.line(second)}`,
    )
    expect(journal.events).toEqual([first, second])
    expect(journal.repeatedLines).toBe(1)
    expect(journal.unknownEvents).toEqual(["cell_teleported"])
    expect(journal.damagedLines).toEqual([4, 5])
    expect(journal.unfinished).toBe(false)
  })

  test("fields that a later version adds to a known event are passed over", () => {
    const journal = Journal.parse(`${JSON.stringify({ ...second, attempt: 2 })}\n`)
    expect(journal.events).toEqual([second])
  })
})
