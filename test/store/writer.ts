import { writeSync } from "node:fs"
import { Effect } from "effect"
import * as FileStore from "../../src/store/files.ts"
import { Store } from "../../src/store/Store.ts"
import { cellCompleted, cellStarted, plan, planDocument, result, started } from "./samples.ts"

// Writes cells without end, one byte on stdout for each: a process to be killed in the middle of it.
const base = process.argv[2] ?? "."
const study = plan(2000)

await Effect.runPromise(
  Effect.gen(function* () {
    const store = yield* Store
    const open = yield* store.openStudy(study, base, planDocument(study))
    yield* open.append(started(study))
    for (const cell of study.cells) {
      yield* open.append(cellStarted(cell))
      const file = yield* open.writeResult(cell, result(cell))
      yield* open.append(cellCompleted(cell, file))
      writeSync(1, ".")
    }
  }).pipe(Effect.scoped, Effect.provide(FileStore.layer)),
)
