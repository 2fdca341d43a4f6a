import { describe, expect } from "bun:test"
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as FileStore from "../../src/store/files.ts"
import * as Results from "../../src/store/results.ts"
import { Store } from "../../src/store/Store.ts"
import { effect } from "../lib/effect.ts"
import { cellCompleted, cellFailed, cellStarted, finished, plan, planDocument, result, started } from "./samples.ts"

const folder = () => mkdtempSync(join(tmpdir(), "llem-results-"))

/** A study whose first cell completed, second failed and third was running when the writer ended. */
const write = (base: string, options: { readonly end: boolean }) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const study = plan(4)
    const store = yield* Store
    const open = yield* store.openStudy(study, base, planDocument(study)).pipe(Scope.provide(scope))
    const [first, second, third] = study.cells
    if (first === undefined || second === undefined || third === undefined) throw new Error("too few cells")
    yield* open.append(started(study))
    yield* open.append(cellStarted(first))
    yield* open.append(cellCompleted(first, yield* open.writeResult(first, result(first))))
    yield* open.append(cellFailed(second))
    yield* open.append(cellStarted(third))
    if (options.end) yield* open.append(finished(1))
    yield* Scope.close(scope, Exit.void)
    return open.directory
  }).pipe(Effect.provide(FileStore.layer))

describe("results", () => {
  effect("lists finished and unfinished studies, oldest first, and passes over other folders", () =>
    Effect.gen(function* () {
      const base = folder()
      const ended = yield* write(base, { end: true })
      yield* TestClock.adjust("1 hour")
      const killed = yield* write(base, { end: false })
      rmSync(`${killed}/study.json`)
      mkdirSync(`${base}/holiday-pictures`)
      writeFileSync(`${base}/notes.txt`, "")
      const found = yield* Results.list(`${base}/`)
      expect(found.map(({ directory, finished: done, summary }) => [directory, done, summary.status])).toEqual([
        [ended, true, "completed"],
        [killed, false, "running"],
      ])
      expect(found[1]?.summary.counts).toMatchObject({ cells: 4, completed: 1, failed: 1, running: 1, pending: 1 })
    }),
  )

  effect("a directory that is not there has no studies; a folder that is none is an error", () =>
    Effect.gen(function* () {
      const base = folder()
      expect(yield* Results.list(`${base}/none`)).toEqual([])
      const error = yield* Effect.flip(Results.load(base))
      expect(error.message).toContain("holds no study")
    }),
  )

  effect("a study reads back with its results and configs; nothing derived is needed", () =>
    Effect.gen(function* () {
      const directory = yield* write(folder(), { end: true })
      rmSync(`${directory}/manifest.json`)
      rmSync(`${directory}/study.json`)
      const study = yield* Results.load(`${directory}/`)
      expect(study.problems).toEqual([])
      expect(study.cells.map(({ entry }) => entry.status)).toEqual(["completed", "failed", "running", "pending"])
      expect(study.cells[0]?.result?.throughput?.output_tokens).toBe(320)
      expect(study.cells[3]?.config?.["embedded"]).toEqual({ batch_size: 4 })
    }),
  )

  effect("damage is told and costs no more than what is damaged", () =>
    Effect.gen(function* () {
      const directory = yield* write(folder(), { end: false })
      const [cell] = (yield* Results.load(directory)).cells
      appendFileSync(`${directory}/journal.ndjson`, 'not json\n{"event":"cell_started","at":"2026')
      writeFileSync(`${directory}/plan.json`, "{")
      writeFileSync(`${directory}/${cell?.entry.result_file}`, '{"schema": "llem.result/1"}')
      const study = yield* Results.load(directory)
      expect(study.cells.map(({ entry }) => entry.status)).toEqual(["completed", "failed", "running"])
      expect(study.cells[0]?.result).toBeNull()
      expect(study.problems).toHaveLength(4)
      expect(study.problems.join("\n")).toContain("result.json is not a result of this version")
    }),
  )
})
