import { Effect } from "effect"
import * as Output from "./Output.ts"
import type { Settings } from "./Settings.ts"

/** Prints a study: its summary as a document, or its table. */
export const show = Effect.fnUntraced(function* (directory: string, settings: Settings, json: boolean) {
  const results = yield* Effect.promise(() => import("../store/results.ts"))
  const study = yield* results.load(directory)
  if (json)
    return yield* Output.printJson({
      directory,
      summary: study.summary,
      manifest: study.manifest,
      results: study.cells.flatMap(({ result }) => (result === null ? [] : [result])),
    })
  const table = yield* Effect.promise(() => import("../report/StudyTable.ts"))
  yield* Output.print(table.render({ name: study.summary.study_name, cells: study.cells }, Output.styleOf(settings)))
  for (const problem of study.problems) yield* Output.say(`warning: ${problem}`)
})
