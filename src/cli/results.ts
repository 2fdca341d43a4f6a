import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Files from "../platform/configFiles.ts"
import * as Table from "../report/Table.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as flags from "./flags.ts"
import { loadUserConfig } from "./loadStudy.ts"
import * as Output from "./Output.ts"
import { resultsDirectory } from "./resultsDirectory.ts"
import type { Settings } from "./Settings.ts"
import * as StudyView from "./studyView.ts"

const directory = Flag.String("output").pipe(
  Flag.withDescription("Folder for results"),
  Flag.withAlias("o"),
  Flag.optional,
)

const resultsFolder = Effect.fnUntraced(function* (settings: Settings, flag: Option.Option<string>) {
  const userConfig = (yield* loadUserConfig(settings)).resultsDirectory
  return resultsDirectory(settings, { flag: Option.getOrNull(flag), file: null, userConfig })
})

const listing = Effect.fnUntraced(function* (settings: Settings, flag: Option.Option<string>, json: boolean) {
  const results = yield* Effect.promise(() => import("../store/results.ts"))
  const base = yield* resultsFolder(settings, flag)
  const studies = yield* results.list(base)
  if (json)
    return yield* Output.printJson({
      results_directory: base,
      studies: studies.map((study) => ({ directory: study.directory, finished: study.finished, ...study.summary })),
    })
  if (studies.length === 0) return yield* Output.print(`No studies in ${base}.`)
  const style = Output.styleOf(settings)
  const rows = studies.map(({ directory: path, summary, finished }) => [
    { text: path.slice(base.length + 1) },
    { text: finished ? summary.status : "unfinished" },
    { text: `${summary.counts.completed}/${summary.counts.cells}` },
    { text: String(summary.counts.failed) },
    { text: String(summary.counts.skipped) },
    { text: summary.started_at?.slice(0, 19).replace("T", " ") ?? "" },
  ])
  const columns = ["study", "status", "completed", "failed", "skipped", "started (UTC)"].map((header, index) => ({
    header,
    align: index >= 2 && index <= 4 ? ("right" as const) : ("left" as const),
  }))
  return yield* Output.print([...Table.render(columns, rows, style).lines, "", `In ${base}`].join("\n"))
})

const list = Command.make(
  "list",
  { directory, json: flags.json },
  Effect.fnUntraced(function* (input) {
    yield* listing(yield* CurrentSettings, input.directory, input.json)
  }),
).pipe(Command.withDescription("The studies in the results folder"))

const show = Command.make(
  "show",
  {
    path: Argument.String("STUDY").pipe(
      Argument.withDescription("A study's folder, a cell's folder, or a result.json"),
    ),
    directory,
    json: flags.json,
  },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const results = yield* Effect.promise(() => import("../store/results.ts"))
    const here = Files.under(settings.workingDirectory, input.path)
    const isThere = yield* Effect.promise(() => Files.exists(here))
    const path = isThere ? here : Files.under(yield* resultsFolder(settings, input.directory), input.path)
    const resultFile = path.endsWith(".json") ? path : `${path}/result.json`
    if (!(yield* Effect.promise(() => Files.exists(resultFile))))
      return yield* StudyView.show(path, settings, input.json)
    const result = yield* results.loadResult(resultFile)
    if (input.json) return yield* Output.printJson(result)
    const text = yield* Effect.promise(() => import("../report/ResultText.ts"))
    return yield* Output.print(text.render(result, Output.styleOf(settings)))
  }),
).pipe(Command.withDescription("One study, or one cell of it"))

export const command = Command.make(
  "results",
  { directory, json: flags.json },
  Effect.fnUntraced(function* (input) {
    yield* listing(yield* CurrentSettings, input.directory, input.json)
  }),
).pipe(Command.withDescription("Studies and their results"), Command.withSubcommands([list, show]))
