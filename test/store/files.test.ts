import { describe, expect } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Plan } from "../../src/domain/Plan.ts"
import * as FileStore from "../../src/store/files.ts"
import * as Journal from "../../src/store/Journal.ts"
import { CellFiles, Store } from "../../src/store/Store.ts"
import { effect, live } from "../lib/effect.ts"
import { cell, cellCompleted, cellStarted, finished, plan, planDocument, result, started } from "./samples.ts"

const folder = () => mkdtempSync(join(tmpdir(), "llem-store-"))
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))
const open = (of: Plan, directory: string) =>
  Store.use((store) => store.openStudy(of, directory, planDocument(of))).pipe(Effect.provide(FileStore.layer))

describe("study folders", () => {
  effect("a study from start to end leaves plan, journal, manifest, summary and results", () =>
    Effect.gen(function* () {
      const study = plan(2)
      const scope = yield* Scope.make()
      yield* TestClock.setTime(Date.parse("2026-03-01T09:08:07.999Z"))
      const results = `${folder()}/deep/er`
      const open_ = yield* open(study, `${results}/`).pipe(Scope.provide(scope))
      expect(open_.directory).toBe(`${results}/batch-sizes_20260301T090807Z`)
      expect(json(`${open_.directory}/manifest.json`).counts.pending).toBe(2)

      const [first] = study.cells
      if (first === undefined) throw new Error("the plan has no cell")
      yield* open_.append(started(study))
      yield* open_.append(cellStarted(first))
      const file = yield* open_.writeResult(first, result(first))
      expect(file).toBe("cells/0001_c1_SmolLM2-135M-Instruct.Q4_1-embedded_00000001/result.json")
      yield* open_.append(cellCompleted(first, file))
      yield* open_.append(finished(1))
      yield* Scope.close(scope, Exit.void)

      expect(json(`${open_.directory}/${file}`)).toEqual(JSON.parse(JSON.stringify(result(first))))
      expect(json(`${open_.directory}/plan.json`)).toEqual(planDocument(study))
      const journal = Journal.parse(readFileSync(`${open_.directory}/journal.ndjson`, "utf8"))
      expect(journal.events.map(({ event }) => event)).toEqual([
        "study_started",
        "cell_started",
        "cell_completed",
        "study_finished",
      ])
      const manifest = json(`${open_.directory}/manifest.json`)
      expect(manifest.status).toBe("completed")
      expect(manifest.entries.map((entry: { status: string }) => entry.status)).toEqual(["completed", "pending"])
      expect(json(`${open_.directory}/study.json`)).toMatchObject({ status: "completed", result_files: [file] })
      expect(readdirSync(open_.directory).sort()).toEqual([
        "cells",
        "journal.ndjson",
        "manifest.json",
        "plan.json",
        "study.json",
      ])
    }),
  )

  effect("the journal is written at once, the manifest at most every two seconds", () =>
    Effect.gen(function* () {
      const study = plan(3)
      const { append, directory } = yield* open(study, folder())
      const completed = () => json(`${directory}/manifest.json`).counts.completed
      const lines = () => readFileSync(`${directory}/journal.ndjson`, "utf8").split("\n").length - 1
      yield* append(started(study))
      yield* TestClock.adjust("1999 millis")
      yield* append(cellCompleted(cell(1)))
      expect([lines(), completed()]).toEqual([2, 0])
      yield* TestClock.adjust("1 millis")
      yield* append(cellCompleted(cell(2)))
      expect([lines(), completed()]).toEqual([3, 2])
      yield* append(cellCompleted(cell(3)))
      expect([lines(), completed()]).toEqual([4, 2])
    }),
  )

  effect("studies of one name in one second get numbers, however many start at once", () =>
    Effect.gen(function* () {
      const results = folder()
      const opened = yield* Effect.all(
        Array.from({ length: 5 }, () => open(plan(1), results)),
        { concurrency: "unbounded" },
      )
      const stem = `${results}/batch-sizes_19700101T000000Z`
      expect(opened.map(({ directory }) => directory).sort()).toEqual([
        stem,
        `${stem}-2`,
        `${stem}-3`,
        `${stem}-4`,
        `${stem}-5`,
      ])
    }),
  )

  effect("appends from many fibers are whole lines, and a writer that is interrupted finishes its line", () =>
    Effect.gen(function* () {
      const study = plan(200)
      const { append, directory } = yield* open(study, folder())
      yield* Effect.forEach(study.cells, (one) => append(cellStarted(one)), { concurrency: "unbounded" }).pipe(
        Effect.timeoutOption(0),
      )
      yield* append(finished(0))
      const journal = Journal.parse(readFileSync(`${directory}/journal.ndjson`, "utf8"))
      expect([journal.damagedLines, journal.unfinished]).toEqual([[], false])
      expect(journal.events.at(-1)?.event).toBe("study_finished")
    }),
  )

  effect("a result with a figure that is no number is refused, not written as null", () =>
    Effect.gen(function* () {
      const study = plan(1)
      const { writeResult, cellDirectory } = yield* open(study, folder())
      const broken = result(cell(1), { tokensPerSecond: Number.NaN })
      const error = yield* Effect.flip(writeResult(cell(1), broken))
      expect([error._tag, error.what]).toEqual(["StoreError", "result"])
      expect(error.message).toContain('["window"]["duration_seconds"]')
      expect(readdirSync(yield* cellDirectory(cell(1)))).toEqual([])
    }),
  )

  live("side files of a cell are whole JSON documents", () =>
    Effect.gen(function* () {
      const directory = folder()
      yield* CellFiles.use((files) => files.writeLogReference(directory, "/results/study/cells/1_c1_ab"))
      expect(readFileSync(join(directory, "engine.log"), "utf8")).toContain("../1_c1_ab/engine.log")
      yield* CellFiles.use((files) => files.writeJson(directory, "environment.json", { kernel: "6.1", é: [1] }))
      expect(json(`${directory}/environment.json`)).toEqual({ kernel: "6.1", é: [1] })
      expect(existsSync(`${directory}/.environment.json.tmp`)).toBe(false)
    }).pipe(Effect.provide(FileStore.cellFilesLayer)),
  )
})
