import { describe, expect } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Plan } from "../../src/domain/Plan.ts"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"
import * as FileStore from "../../src/store/files.ts"
import * as Journal from "../../src/store/Journal.ts"
import * as Results from "../../src/store/results.ts"
import { CellFiles, Store } from "../../src/store/Store.ts"
import { effect, live } from "../lib/effect.ts"
import { quick } from "../lib/env.ts"
import { mountable, tmpfs } from "./mounts.ts"
import { cell, cellCompleted, plan, planDocument, request, result, series, started } from "./samples.ts"

const open = (of: Plan, directory: string) =>
  Store.use((store) => store.openStudy(of, directory, planDocument(of))).pipe(Effect.provide(FileStore.layer))

/** Takes all the space that is left; gives a function that frees it. */
const fill = (path: string): (() => void) => {
  const ballast = join(path, "ballast")
  for (let size = 64 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      writeFileSync(ballast, Buffer.alloc(size), { flag: "a" })
      size *= 2
    } catch {
      // A smaller piece may still fit.
    }
  }
  return () => rmSync(ballast)
}

const longNotice: StudyEvent = {
  event: "notice",
  at: "2026-03-01T10:00:00.000001Z",
  code: "long",
  severity: "warning",
  message: "x".repeat(20_000),
}

const hidden = (directory: string) => readdirSync(directory).filter((name) => name.startsWith("."))

if (mountable) {
  describe("disk full", () => {
    live("an append that does not fit leaves the journal whole, and works again once there is room", () =>
      Effect.gen(function* () {
        const { path } = yield* tmpfs(128)
        const study = plan(1)
        const { append, directory } = yield* open(study, path)
        yield* append(started(study))
        const before = statSync(`${directory}/journal.ndjson`).size
        const free = fill(path)
        const error = yield* Effect.flip(append(longNotice))
        expect([error._tag, error.what]).toEqual(["StoreError", "journal"])
        expect(error.message).toContain("no space is left")
        expect(error.fix).toContain("-o DIR")
        expect(statSync(`${directory}/journal.ndjson`).size).toBe(before)
        free()
        yield* append(longNotice)
        const journal = Journal.parse(readFileSync(`${directory}/journal.ndjson`, "utf8"))
        expect(journal.events).toEqual([started(study), longNotice])
        expect([journal.damagedLines, journal.unfinished]).toEqual([[], false])
      }),
    )

    live("a result that does not fit is an error of its cell and leaves no part behind", () =>
      Effect.gen(function* () {
        const { path } = yield* tmpfs(128)
        const { writeResult, cellDirectory } = yield* open(plan(1), path)
        const directory = yield* cellDirectory(cell(1))
        const free = fill(path)
        const error = yield* Effect.flip(writeResult(cell(1), result(cell(1))))
        expect([error._tag, error.what]).toEqual(["StoreError", "result"])
        expect(readdirSync(directory)).toEqual([])
        free()
        yield* writeResult(cell(1), result(cell(1)))
        expect(readdirSync(directory)).toEqual(["result.json"])
      }),
    )

    live("tables that do not fit leave no part behind", () =>
      Effect.gen(function* () {
        const { path } = yield* tmpfs(64)
        const files = yield* CellFiles
        const requests = Array.from({ length: 2000 }, (_, id) => request(id, 20))
        for (const write of [files.writeRequests(path, requests), files.writePower(path, [series("cpu:0", 50_000)])]) {
          const error = yield* Effect.flip(write)
          expect([error._tag, error.what]).toEqual(["StoreError", "table"])
          expect(error.message).toContain("no space is left")
          expect(readdirSync(path)).toEqual([])
        }
      }).pipe(Effect.provide(FileStore.cellFilesLayer)),
    )

    effect("a manifest that does not fit does not end the study: the old one stays whole", () =>
      Effect.gen(function* () {
        const { path } = yield* tmpfs(256)
        const study = plan(20)
        const { append, directory } = yield* open(study, path)
        yield* append(started(study))
        const before = readFileSync(`${directory}/manifest.json`, "utf8")
        const free = fill(path)
        yield* TestClock.adjust("3 seconds")
        yield* append(cellCompleted(cell(1)))
        expect(readFileSync(`${directory}/manifest.json`, "utf8")).toBe(before)
        expect(hidden(directory)).toEqual([])
        free()
        yield* TestClock.adjust("3 seconds")
        yield* append(cellCompleted(cell(2)))
        expect(JSON.parse(readFileSync(`${directory}/manifest.json`, "utf8")).counts.completed).toBe(2)
      }),
    )

    live("a study that cannot be opened for want of space leaves no folder", () =>
      Effect.gen(function* () {
        const { path } = yield* tmpfs(64)
        fill(path)
        const error = yield* Effect.flip(open(plan(50), path))
        expect([error._tag, error.what]).toEqual(["StoreError", "directory"])
        expect(error.message).toContain("no space is left")
        expect(readdirSync(path)).toEqual(["ballast"])
      }),
    )
  })

  describe("read-only results directory", () => {
    live("says so, and what to do", () =>
      Effect.gen(function* () {
        const mount = yield* tmpfs(64)
        mkdirSync(`${mount.path}/results`)
        mount.freeze()
        for (const directory of [`${mount.path}/results`, `${mount.path}/new/results`]) {
          const error = yield* Effect.flip(open(plan(1), directory))
          expect([error._tag, error.what]).toEqual(["StoreError", "directory"])
          expect(error.message).toContain("read-only")
          expect(error.fix).toContain("LLEM_RESULTS_DIR")
        }
      }),
    )
  })
}

describe("results directory that is a file", () => {
  live("says so", () =>
    Effect.gen(function* () {
      const file = join(mkdtempSync(join(tmpdir(), "llem-store-")), "results")
      writeFileSync(file, "")
      for (const directory of [file, `${file}/below`]) {
        const error = yield* Effect.flip(open(plan(1), directory))
        expect(error.what).toBe("directory")
        expect(error.message).toMatch(/in the way|not a folder/)
      }
    }),
  )
})

describe("kill -9 while results are written", () => {
  const rounds = quick ? 2 : 6
  live(`${rounds} times: every result there is whole, and the journal tells of none that is not`, () =>
    Effect.gen(function* () {
      for (let round = 1; round <= rounds; round++) {
        const base = mkdtempSync(join(tmpdir(), "llem-kill-"))
        const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), base], {
          stdout: "pipe",
          stderr: "inherit",
        })
        const written = child.stdout.getReader()
        for (let cells = 0; cells < round * 7; ) {
          const { value } = yield* Effect.promise(() => written.read())
          cells += value?.length ?? 0
        }
        child.kill("SIGKILL")
        yield* Effect.promise(() => child.exited)

        const [study] = yield* Results.list(base)
        if (study === undefined) throw new Error("no study was left")
        expect(study.finished).toBe(false)
        const loaded = yield* Results.load(study.directory)
        expect(loaded.problems.filter((problem) => !problem.includes("middle of a line"))).toEqual([])
        const completed = loaded.cells.filter(({ entry }) => entry.status === "completed")
        expect(completed.length).toBeGreaterThanOrEqual(round * 7)
        for (const { entry, result: found } of completed) expect(found?.experiment.index).toBe(entry.index)
        for (const name of readdirSync(`${study.directory}/cells`)) {
          const names = readdirSync(`${study.directory}/cells/${name}`)
          if (names.includes("result.json")) yield* Results.loadResult(`${study.directory}/cells/${name}/result.json`)
        }
        JSON.parse(readFileSync(`${study.directory}/manifest.json`, "utf8"))
      }
    }),
  )
})
