import { writeFileSync } from "node:fs"
import { Effect } from "effect"
import * as Json from "../../src/progress/json.ts"
import * as Live from "../../src/progress/live.ts"
import { Progress } from "../../src/progress/Progress.ts"
import * as Plain from "../../src/progress/plain.ts"
import { cell, cellCompleted, cellStarted, finished, plan, started } from "../store/samples.ts"

// Emits a study's events through a real adapter: emitter.ts ADAPTER ENDING [CELLS] [DONE FILE].
const [, , adapter, ending, cells = "1", done] = process.argv
const style = { width: 100, color: false, unicode: true }
const layer = adapter === "live" ? Live.layer(style) : adapter === "json" ? Json.layer() : Plain.layer(style)

await Effect.runPromise(
  Effect.gen(function* () {
    const progress = yield* Progress
    yield* progress.emit(started(plan(Number(cells))))
    for (let index = 1; index <= Number(cells); index++) {
      yield* progress.emit(cellStarted(cell(index)))
      if (ending === "exit") process.exit(3)
      if (ending === "fail") return yield* Effect.die("as asked")
      yield* progress.emit(cellCompleted(cell(index)))
    }
    yield* progress.emit(finished(Number(cells)))
  }).pipe(
    Effect.provide(layer),
    Effect.catchDefect(() => Effect.void),
  ),
)
if (done !== undefined) writeFileSync(done, "reached the end")
