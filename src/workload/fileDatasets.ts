import { Effect, Layer, Result } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import { LocalError } from "../domain/Failure.ts"
import * as TextFiles from "../platform/textFiles.ts"
import { Datasets } from "./Datasets.ts"
import { build, type DatasetProblem, type Row, type Source } from "./Prompts.ts"
import * as Rows from "./Rows.ts"

export interface Settings {
  /** What relative paths of files are relative to. */
  readonly baseDirectory: string
  /** Folder in which a named set `x` is looked for as `x.jsonl`. */
  readonly setsDirectory: string
}

/** Sets that are known by name, and for which generated prompts may stand in. */
const named = ["aienergyscore"]

const explain: Record<TextFiles.TextProblem["code"], string> = {
  missing: "there is no such file",
  directory: "it is a directory",
  permission: "it may not be read by this user",
  encoding: "it is not UTF-8 text",
  line_length: "a line is over 64 MiB long",
  io: "it cannot be read",
}

const dataError = (problem: Pick<DatasetProblem, "message" | "fix" | "file" | "row" | "field">): LocalError =>
  new LocalError({
    reason: "data",
    message: problem.message,
    fix: problem.fix,
    details: { file: problem.file, row: problem.row, field: problem.field },
  })

const unreadable = (file: string, problem: TextFiles.TextProblem): LocalError => {
  const at = problem.line > 0 && problem.code !== "missing" ? `, line ${problem.line}` : ""
  const fix = `Name a JSONL file, one of the sets ${named.join(", ")}, or {n, input_len, output_len} as dataset.`
  return dataError({
    file,
    row: problem.line > 0 ? problem.line : null,
    field: null,
    message: `The dataset ${file} cannot be used${at}: ${explain[problem.code]}`,
    fix,
  })
}

/** Whether a dataset is the name of a file rather than of a set. */
export const isFileName = (dataset: string): boolean => dataset.includes("/") || /\.\w+$/.test(dataset)

const inDirectory = (directory: string, file: string): string => (file.startsWith("/") ? file : `${directory}/${file}`)

/** At most `wanted` prompts of a file. */
const readRows = Effect.fnUntraced(function* (file: string, path: string, wanted: number) {
  const rows: Array<Row> = []
  const problems: Array<DatasetProblem> = []
  const failed = yield* Effect.promise(() =>
    TextFiles.readLines(path, (line, number) => {
      const row = Rows.decode(file, number, line)
      if (Result.isFailure(row)) problems.push(row.failure)
      else if (row.success !== null) rows.push(row.success)
      return problems.length === 0 && rows.length < wanted
    }),
  )
  for (const problem of problems) return yield* dataError(problem)
  if (failed !== null) return yield* unreadable(file, failed)
  const source: Source = { kind: "rows", file, rows }
  return source
})

const sourceOf = Effect.fnUntraced(function* (experiment: Experiment, settings: Settings) {
  const { dataset } = experiment
  if (typeof dataset !== "string") return { kind: "synthetic" } satisfies Source
  if (isFileName(dataset)) return yield* readRows(dataset, inDirectory(settings.baseDirectory, dataset), experiment.n)
  const path = `${settings.setsDirectory}/${dataset}.jsonl`
  if (yield* Effect.promise(() => TextFiles.exists(path))) return yield* readRows(path, path, experiment.n)
  if (named.includes(dataset)) return { kind: "generated", insteadOf: dataset } satisfies Source
  return yield* unreadable(dataset, { code: "missing", line: 0 })
})

/** Datasets from files of this node. */
export const layer = (settings: Settings) =>
  Layer.succeed(
    Datasets,
    Datasets.of({
      prompts: Effect.fn("Datasets.prompts")(function* (experiment, model) {
        const source = yield* sourceOf(experiment, settings)
        const size = model.weights?.vocabularySize ?? model.vocabularySize ?? 0
        const vocabulary = size === 0 ? null : { size, specialIds: model.specialIds ?? [] }
        const workload = build(experiment, source, vocabulary)
        return Result.isFailure(workload) ? yield* dataError(workload.failure) : workload.success
      }),
    }),
  )
