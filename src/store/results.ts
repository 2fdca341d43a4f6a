import { Effect, Result, Schema } from "effect"
import type { Config } from "../domain/ConfigSummary.ts"
import { type Manifest as ManifestDocument, type ManifestEntry, StudySummary } from "../domain/Manifest.ts"
import { ResultDocument } from "../domain/ResultDocument.ts"
import * as Files from "../platform/files.ts"
import { storeError } from "./Fault.ts"
import * as Journal from "./Journal.ts"
import * as Layout from "./Layout.ts"
import * as Manifest from "./Manifest.ts"
import * as PlanReading from "./PlanReading.ts"
import { StoreError } from "./Store.ts"

/** One study among others. */
export interface StudyListing {
  readonly directory: string
  readonly summary: StudySummary
  /** Whether the journal says that the study ended; without that it runs still, or its process was killed. */
  readonly finished: boolean
  /** What of the study's files could not be understood, one sentence each. */
  readonly problems: ReadonlyArray<string>
}

/** One cell of a study with its result, as far as there is one. */
export interface StoredCell {
  readonly entry: ManifestEntry
  /** The resolved experiment, from the plan or from the result. */
  readonly config: Config | null
  readonly result: ResultDocument | null
}

/** A study read back whole. */
export interface StoredStudy extends StudyListing {
  readonly manifest: ManifestDocument
  readonly cells: ReadonlyArray<StoredCell>
}

const read = (path: string) => Effect.mapError(Files.readText(path), storeError("directory"))

const journalProblems = (journal: Journal.Journal): ReadonlyArray<string> => [
  ...(journal.unfinished ? [`${Layout.journalFile} ends in the middle of a line, which is left out`] : []),
  ...(journal.damagedLines.length > 0
    ? [
        `${Layout.journalFile} has ${journal.damagedLines.length} unreadable line(s), the first is line ${journal.damagedLines[0]}`,
      ]
    : []),
  ...(journal.unknownEvents.length > 0
    ? [`${Layout.journalFile} has events of a later version of llem: ${journal.unknownEvents.join(", ")}`]
    : []),
]

interface Folded {
  readonly state: Manifest.State
  readonly configs: ReadonlyMap<number, Config>
  readonly finished: boolean
  readonly problems: ReadonlyArray<string>
}

/** The state of a study from its plan and its journal, never from what was derived of them; null when neither is there. */
const foldStudy = Effect.fnUntraced(function* (directory: string): Effect.fn.Return<Folded | null, StoreError> {
  const journalText = yield* read(`${directory}/${Layout.journalFile}`)
  const planText = yield* read(`${directory}/${Layout.planFile}`)
  if (journalText === null && planText === null) return null
  const plan = planText === null ? null : PlanReading.parse(planText)
  const journal = Journal.parse(journalText ?? "")
  const state = Manifest.fold(
    Manifest.initial(plan?.study ?? { name: directory.split("/").at(-1) ?? directory, hash: "" }, plan?.cells ?? []),
    journal.events,
  )
  return {
    state,
    configs: new Map((plan?.cells ?? []).map((cell) => [cell.index, cell.config])),
    finished: state.finishedAt !== null,
    problems: [
      ...(journalText === null ? [`${Layout.journalFile} is missing`] : []),
      ...(plan === null ? [`${Layout.planFile} is ${planText === null ? "missing" : "unreadable"}`] : []),
      ...journalProblems(journal),
    ],
  }
})

const decodeSummary = Schema.decodeUnknownResult(Schema.fromJsonString(StudySummary))

const listing = Effect.fnUntraced(function* (directory: string): Effect.fn.Return<StudyListing | null, StoreError> {
  const text = yield* read(`${directory}/${Layout.summaryFile}`)
  const summary = text === null ? null : Result.getOrNull(decodeSummary(text))
  // A summary without an end was written by a process that was told to stop: the journal may have gone on since.
  if (summary !== null && summary.finished_at !== null) return { directory, summary, finished: true, problems: [] }
  const folded = yield* foldStudy(directory)
  return folded === null
    ? null
    : { directory, summary: Manifest.summary(folded.state), finished: folded.finished, problems: folded.problems }
})

const trimmed = (path: string): string => path.replace(/(?<=.)\/+$/, "")

/** Every study in a results directory, oldest first; a directory that is not there has none. Other folders are passed over. */
export const list = Effect.fn("Results.list")(function* (
  resultsDirectory: string,
): Effect.fn.Return<ReadonlyArray<StudyListing>, StoreError> {
  const base = trimmed(resultsDirectory)
  const names = yield* Files.list(base).pipe(
    Effect.catchIf(
      (error) => error.code === "ENOENT",
      () => Effect.succeed([]),
    ),
    Effect.mapError(storeError("directory")),
  )
  const found: Array<StudyListing> = []
  for (const name of names) {
    const directory = `${base}/${name}`
    const study = yield* listing(directory)
    if (study !== null) found.push(study)
  }
  const startOf = (study: StudyListing): string => study.summary.started_at ?? ""
  return found.sort((left, right) => (startOf(left) < startOf(right) ? -1 : startOf(left) > startOf(right) ? 1 : 0))
})

const decodeResult = Schema.decodeUnknownResult(Schema.fromJsonString(ResultDocument))

/** One result.json. Fails when the file is missing or of another shape. */
export const loadResult = Effect.fn("Results.loadResult")(function* (
  path: string,
): Effect.fn.Return<ResultDocument, StoreError> {
  const text = yield* Effect.mapError(Files.readText(path), storeError("result"))
  const failure = (message: string, fix: string) => new StoreError({ what: "result", path, message, fix })
  if (text === null)
    return yield* failure(
      `${path} is not there`,
      "Name a cell's folder or its result.json; `llem results show STUDY` lists them.",
    )
  const decoded = decodeResult(text)
  if (Result.isFailure(decoded))
    return yield* failure(
      `${path} is not a result of this version: ${decoded.failure.message}`,
      "Read it with the version of llem that wrote it.",
    )
  return decoded.success
})

/** A study's folder read back: finished, running or left half-written. Fails only when the folder holds no study or cannot be read. */
export const load = Effect.fn("Results.load")(function* (
  studyDirectory: string,
): Effect.fn.Return<StoredStudy, StoreError> {
  const directory = trimmed(studyDirectory)
  const folded = yield* foldStudy(directory)
  if (folded === null)
    return yield* new StoreError({
      what: "directory",
      path: directory,
      message: `${directory} holds no study: neither ${Layout.journalFile} nor ${Layout.planFile} is there`,
      fix: "`llem results list` shows the studies there are.",
    })
  const manifest = Manifest.document(folded.state)
  const problems = [...folded.problems]
  const cells: Array<StoredCell> = []
  for (const entry of manifest.entries) {
    const result =
      entry.result_file === null
        ? null
        : yield* loadResult(`${directory}/${entry.result_file}`).pipe(
            Effect.catch((error) => {
              problems.push(error.message)
              return Effect.succeed(null)
            }),
          )
    cells.push({ entry, result, config: folded.configs.get(entry.index) ?? result?.experiment.config ?? null })
  }
  return {
    directory,
    summary: Manifest.summary(folded.state),
    finished: folded.finished,
    problems,
    manifest,
    cells,
  }
})
