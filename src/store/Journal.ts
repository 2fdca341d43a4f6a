import { Result, Schema } from "effect"
import { StudyEvent } from "../domain/StudyEvent.ts"

/** What a journal's text says, and what in it could not be read. */
export interface Journal {
  readonly events: ReadonlyArray<StudyEvent>
  /** The text ends in the middle of a line: a write that a death cut short. That line does not count. */
  readonly unfinished: boolean
  /** Numbers (from 1) of whole lines that are no event. */
  readonly damagedLines: ReadonlyArray<number>
  /** Lines written by a later version: their event names, each once. */
  readonly unknownEvents: ReadonlyArray<string>
  /** Lines that repeat the line before them, which count once. */
  readonly repeatedLines: number
}

const decode = Schema.decodeUnknownResult(StudyEvent)
const decodeName = Schema.decodeUnknownResult(Schema.Struct({ event: Schema.String }))
const known: ReadonlyArray<string> = StudyEvent.members.map((member) => member.fields.event.literal)

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** One event as its line in the journal. */
export const line = (event: StudyEvent): string => `${JSON.stringify(event)}\n`

/** Reads a journal's text. Never fails: what cannot be understood is counted, and everything else is used. */
export const parse = (text: string): Journal => {
  const lines = text.split("\n")
  const unfinished = lines.pop() !== ""
  const events: Array<StudyEvent> = []
  const damagedLines: Array<number> = []
  const unknownEvents = new Set<string>()
  let repeatedLines = 0
  for (const [position, current] of lines.entries()) {
    if (position > 0 && current === lines[position - 1]) {
      repeatedLines += 1
      continue
    }
    const json = parseJson(current)
    const event = decode(json)
    if (Result.isSuccess(event)) {
      events.push(event.success)
      continue
    }
    const name = decodeName(json)
    if (Result.isSuccess(name) && !known.includes(name.success.event)) unknownEvents.add(name.success.event)
    else damagedLines.push(position + 1)
  }
  return { events, unfinished, damagedLines, unknownEvents: [...unknownEvents], repeatedLines }
}
