import { Clock, DateTime, Effect, Layer, Result, Schema, type Scope, Semaphore } from "effect"
import type { Cell, Plan } from "../domain/Plan.ts"
import { ResultDocument } from "../domain/ResultDocument.ts"
import type { StudyEvent } from "../domain/StudyEvent.ts"
import * as Files from "../platform/files.ts"
import { storeError } from "./Fault.ts"
import * as Journal from "./Journal.ts"
import * as Layout from "./Layout.ts"
import * as Manifest from "./Manifest.ts"
import { CellFiles, Store, StoreError, type StudyFolder } from "./Store.ts"

const manifestIntervalNanos = 2_000_000_000n

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const planned = (plan: Plan): ReadonlyArray<Manifest.PlannedCell> =>
  plan.cells.map((cell) => ({
    index: cell.index,
    cycle: cell.cycle,
    hash: cell.hash,
    backend: cell.experiment.backend,
    runner: cell.runner.mode,
    config: cell.experiment,
  }))

/** Takes the first free name; the kernel decides between studies that start in the same second. */
const createFolder = Effect.fnUntraced(function* (plan: Plan, resultsDirectory: string) {
  const startedAt = DateTime.toDateUtc(yield* DateTime.now)
  yield* Files.makeDirectories(resultsDirectory)
  for (let attempt = 1; ; attempt++) {
    const directory = `${resultsDirectory.replace(/(?<=.)\/+$/, "")}/${Layout.studyFolder(plan.study.name, startedAt, attempt)}`
    if (yield* Files.makeDirectory(directory)) {
      yield* Files.syncDirectory(resultsDirectory)
      return directory
    }
  }
})

const encodeResult = Schema.encodeUnknownResult(ResultDocument)

const resultText = (path: string, result: ResultDocument): Effect.Effect<string, StoreError> => {
  const encoded = encodeResult(result)
  return Result.isSuccess(encoded)
    ? Effect.succeed(json(encoded.success))
    : Effect.fail(
        new StoreError({
          what: "result",
          path,
          message: `${path} was not written, because the result is not of its own shape: ${encoded.failure.message}`,
          fix: "This is a defect of llem: please report it with this message. The raw tables lie beside it.",
        }),
      )
}

const openStudy = Effect.fn("Store.openStudy")(function* (
  plan: Plan,
  resultsDirectory: string,
  planDocument: unknown,
): Effect.fn.Return<StudyFolder, StoreError, Scope.Scope> {
  const directory = yield* createFolder(plan, resultsDirectory).pipe(Effect.mapError(storeError("directory")))
  let state = Manifest.initial(plan.study, planned(plan))
  let manifestAt = yield* Clock.monotonicTimeNanos

  const writeManifest = Effect.suspend(() =>
    Files.replace(`${directory}/${Layout.manifestFile}`, json(Manifest.document(state))),
  )
  const writeSummary = Effect.suspend(() =>
    Files.replace(`${directory}/${Layout.summaryFile}`, json(Manifest.summary(state))),
  )
  // The manifest and the summary can be had from the journal again: a study does not end for want of them.
  const lenient = (write: Effect.Effect<void, Files.FileError>) =>
    Effect.catch(write, (error) => Effect.logWarning(storeError("manifest")(error).message))

  const journal = yield* Effect.gen(function* () {
    yield* Files.makeDirectory(`${directory}/${Layout.cellsFolder}`)
    yield* Files.replace(`${directory}/${Layout.planFile}`, json(planDocument))
    yield* writeManifest
    const opened = yield* Files.openAppend(`${directory}/${Layout.journalFile}`)
    yield* Files.syncDirectory(directory)
    return opened
  }).pipe(
    Effect.onError(() => Files.removeTree(directory)),
    Effect.mapError(storeError("directory")),
  )

  const oneAtATime = yield* Semaphore.make(1)
  const append = (event: StudyEvent): Effect.Effect<void, StoreError> =>
    Effect.gen(function* () {
      yield* Effect.mapError(journal.append(Journal.line(event)), storeError("journal"))
      state = Manifest.apply(state, event)
      const now = yield* Clock.monotonicTimeNanos
      if (now - manifestAt < manifestIntervalNanos) return
      manifestAt = now
      yield* lenient(writeManifest)
    }).pipe(oneAtATime.withPermit, Effect.uninterruptible)

  const created = new Set<string>()
  const cellDirectory = (cell: Cell): Effect.Effect<string, StoreError> =>
    Effect.gen(function* () {
      const path = `${directory}/${Layout.cellFolder(cell)}`
      if (created.has(path)) return path
      if (yield* Files.makeDirectory(path)) yield* Files.syncDirectory(`${directory}/${Layout.cellsFolder}`)
      created.add(path)
      return path
    }).pipe(Effect.mapError(storeError("directory")))

  const writeResult = (cell: Cell, result: ResultDocument): Effect.Effect<string, StoreError> =>
    Effect.gen(function* () {
      const path = `${yield* cellDirectory(cell)}/${Layout.resultFile}`
      yield* Effect.mapError(Files.replace(path, yield* resultText(path, result)), storeError("result"))
      return `${Layout.cellFolder(cell)}/${Layout.resultFile}`
    })

  yield* Effect.addFinalizer(() =>
    lenient(writeManifest).pipe(Effect.andThen(lenient(writeSummary)), oneAtATime.withPermit),
  )
  return { directory, append, cellDirectory, writeResult }
})

/** Study folders on a file system. */
export const layer = Layer.succeed(Store, Store.of({ openStudy }))

const tableError = (error: Files.FileError | StoreError): StoreError =>
  error._tag === "FileError" ? storeError("table")(error) : error

// Loaded when the first table is written: commands that write none do not pay for the Parquet encoder.
const tables = Effect.promise(() => import("./tables.ts"))

/** The tables and side files of a cell on a file system. */
export const cellFilesLayer = Layer.succeed(
  CellFiles,
  CellFiles.of({
    writeRequests: (directory, requests) =>
      Effect.flatMap(tables, (module) => module.writeRequests(`${directory}/${Layout.requestsFile}`, requests)).pipe(
        Effect.mapError(tableError),
      ),
    writePower: (directory, series) =>
      Effect.flatMap(tables, (module) => module.writePower(`${directory}/${Layout.powerFile}`, series)).pipe(
        Effect.mapError(tableError),
      ),
    writeLogReference: (directory, startedIn) =>
      Effect.mapError(
        Files.replace(
          `${directory}/engine.log`,
          `The engine was kept from an earlier cell; its log is ../${startedIn.split("/").at(-1)}/engine.log\n`,
        ),
        storeError("table"),
      ),
    writeJson: (directory, name, value) =>
      Effect.mapError(Files.replace(`${directory}/${name}`, json(value)), storeError("table")),
  }),
)
