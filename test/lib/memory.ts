import { Clock, Effect, Layer } from "effect"
import { HostFacts } from "../../src/domain/HostFacts.ts"
import type { Cell } from "../../src/domain/Plan.ts"
import type { ResultDocument } from "../../src/domain/ResultDocument.ts"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"
import { Timeline } from "../../src/domain/Timeline.ts"
import { DeviceGate } from "../../src/harness/DeviceGate.ts"
import { Progress } from "../../src/progress/Progress.ts"
import { StoreError, type StudyFolder } from "../../src/store/Store.ts"

/** Which writes of a study folder in memory fail. */
export interface Faults {
  readonly journal?: (event: StudyEvent) => boolean
  readonly result?: (cell: Cell, result: ResultDocument) => boolean
  readonly directory?: (cell: Cell) => boolean
}

/** A study folder in memory, with everything that was written to it in order. */
export interface MemoryFolder {
  readonly folder: StudyFolder
  readonly journal: Array<StudyEvent>
  readonly results: Map<string, ResultDocument>
}

const storeError = (what: StoreError["what"], path: string): StoreError =>
  new StoreError({
    what,
    path,
    message: `${path} could not be written: no space is left on its file system (ENOSPC)`,
    fix: "Free some space there.",
  })

const nameOf = (cell: Cell): string => `cells/${String(cell.index).padStart(4, "0")}_c${cell.cycle}`

export const memoryFolder = (faults: Faults = {}): MemoryFolder => {
  const journal: Array<StudyEvent> = []
  const results = new Map<string, ResultDocument>()
  const folder: StudyFolder = {
    directory: "/results/study",
    append: (event) =>
      Effect.suspend(() => {
        if (faults.journal?.(event)) return Effect.fail(storeError("journal", "/results/study/journal.ndjson"))
        journal.push(event)
        return Effect.void
      }),
    cellDirectory: (cell) =>
      faults.directory?.(cell)
        ? Effect.fail(storeError("directory", nameOf(cell)))
        : Effect.succeed(`/results/study/${nameOf(cell)}`),
    writeResult: (cell, result) =>
      Effect.suspend(() => {
        const path = `${nameOf(cell)}/result.json`
        if (faults.result?.(cell, result)) return Effect.fail(storeError("result", path))
        results.set(path, result)
        return Effect.succeed(path)
      }),
  }
  return { folder, journal, results }
}

/** Progress into a list. */
export const memoryProgress = (into: Array<StudyEvent>) =>
  Layer.succeed(
    Progress,
    Progress.of({ emit: (event) => Effect.sync(() => void into.push(event)), live: () => Effect.void }),
  )

const anchor = { monotonicSeconds: 0, unixMicros: 1_767_225_600_000_000 }

/** The Effect clock as the monotonic clock: a test clock that starts at 2026-01-01T00:00:00Z. */
export const clockTimeline = Layer.succeed(
  Timeline,
  Timeline.of({ now: Effect.map(Clock.currentTimeMillis, (millis) => millis / 1000), anchor }),
)

/** A machine that is always the same. */
export const someHost = Layer.succeed(
  HostFacts,
  HostFacts.of({
    snapshot: Effect.succeed({ hostName: "node1", startedBy: "ada", binarySha256: null, machine: {} }),
  }),
)

/** A gate that lets everything pass. */
export const openGate = Layer.succeed(DeviceGate, DeviceGate.of({ check: () => Effect.succeed([]) }))
