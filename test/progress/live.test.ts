import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"
import * as Live from "../../src/progress/live.ts"
import { Progress } from "../../src/progress/Progress.ts"
import { effect } from "../lib/effect.ts"
import { python } from "../lib/env.ts"
import { cell, cellCompleted, cellFailed, cellStarted, finished, plan, started } from "../store/samples.ts"
import { shown } from "./screen.ts"

const phase = (name: "load" | "window"): StudyEvent => {
  const { index, cycle, hash } = cell(1)
  return { event: "cell_phase", at: "2026-03-01T10:00:01.000001Z", index, cycle, hash, phase: name }
}

/** The view on a screen that keeps what is written. */
const view = (columns: number) =>
  Effect.gen(function* () {
    const written: Array<string> = []
    const hooks: Array<() => void> = []
    const scope = yield* Scope.make()
    const screen: Live.Screen = {
      output: { write: (text) => written.push(text), drain: () => undefined },
      columns: () => columns,
      beforeExit: (run) => {
        hooks.push(run)
        return () => hooks.splice(hooks.indexOf(run), 1)
      },
      close: () => undefined,
    }
    const context = yield* Layer.buildWithScope(
      Live.layer({ color: false, unicode: true }, () => screen),
      scope,
    )
    const progress = yield* Progress.pipe(Effect.provide(context))
    return { progress, written, hooks, scope, now: () => shown(written.join("")) }
  })

describe("live view", () => {
  effect("shows cell, phase, elapsed, figures and what is left, and keeps what has ended above", () =>
    Effect.gen(function* () {
      const { progress, now, scope } = yield* view(100)
      yield* progress.emit(started(plan(3)))
      yield* progress.emit(cellStarted(cell(1)))
      yield* progress.emit(phase("load"))
      yield* TestClock.adjust("12 seconds")
      expect(now()).toEqual({
        cursor: false,
        lines: [
          "batch sizes: 3 cells, results in results/x",
          "[1/3] a cell cycle 1 · loading the model 12 s",
          "elapsed 12 s · 0 completed",
        ],
      })
      yield* progress.emit(phase("window"))
      yield* progress.live({ tokensPerSecond: 118.2, watts: 14.23 })
      yield* TestClock.adjust("8 seconds")
      yield* progress.emit(cellCompleted(cell(1)))
      yield* progress.emit(cellStarted(cell(2)))
      yield* TestClock.adjust("5 seconds")
      expect(now().lines).toEqual([
        "batch sizes: 3 cells, results in results/x",
        "[1/3] a cell cycle 1 ✓ 100 tokens/s, 64.0 J, in 3.2 s",
        "[2/3] a cell cycle 1 · starting",
        "elapsed 25 s · about 35 s left · 1 completed",
      ])
      yield* progress.emit(cellFailed(cell(2)))
      yield* progress.emit(finished(1))
      yield* Scope.close(scope, Exit.void)
      expect(now()).toEqual({
        cursor: true,
        lines: [
          "batch sizes: 3 cells, results in results/x",
          "[1/3] a cell cycle 1 ✓ 100 tokens/s, 64.0 J, in 3.2 s",
          "[2/3] a cell cycle 1 ✗ FAILED: EngineError.crash: The embedded engine was ended by signal SIGSEGV",
          "batch sizes completed: 1 completed, 1 failed",
        ],
      })
    }),
  )

  effect("its frame never wraps, however narrow the terminal", () =>
    Effect.gen(function* () {
      const { progress, now } = yield* view(24)
      yield* progress.emit(started(plan(1)))
      yield* progress.emit(cellStarted(cell(1)))
      yield* TestClock.adjust("1 seconds")
      expect(now().lines.slice(1)).toEqual(["[1/1] a cell cycle 1 ·…", "elapsed 1 s · 0 comple…"])
    }),
  )

  effect("closing its scope, also in the middle of a cell, brings the cursor back and stops the redrawing", () =>
    Effect.gen(function* () {
      const { progress, now, scope, written, hooks } = yield* view(100)
      yield* progress.emit(started(plan(1)))
      yield* progress.emit(cellStarted(cell(1)))
      yield* Scope.close(scope, Exit.die("any end"))
      expect(now()).toEqual({ cursor: true, lines: ["batch sizes: 1 cell, results in results/x"] })
      const writes = written.length
      yield* TestClock.adjust("10 seconds")
      expect([written.length, hooks.length]).toEqual([writes, 0])
    }),
  )

  effect("a process that exits without closing scopes brings the cursor back as well", () =>
    Effect.gen(function* () {
      const { progress, now, hooks } = yield* view(100)
      yield* progress.emit(started(plan(1)))
      yield* progress.emit(cellStarted(cell(1)))
      for (const hook of hooks) hook()
      expect(now().cursor).toBe(true)
    }),
  )

  for (const ending of ["end", "fail", "exit"]) {
    test(`on a real terminal the cursor is back after: ${ending}`, () => {
      const script = `
import pty, os, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
out = b""
try:
  while True:
    data = os.read(fd, 65536)
    if not data: break
    out += data
except OSError: pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(out)`
      const ran = Bun.spawnSync(
        [python(), "-c", script, process.execPath, join(import.meta.dir, "emitter.ts"), "live", ending],
        { stderr: "inherit" },
      )
      const screen = shown(ran.stdout.toString().replaceAll("\r\n", "\n"))
      expect(screen.lines[0]).toBe("batch sizes: 1 cell, results in results/x")
      expect(screen.lines.join("\n")).not.toContain("elapsed")
      expect(screen.cursor).toBe(true)
    })
  }
})
