import { describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { StudyEvent } from "../../src/domain/StudyEvent.ts"
import { python } from "../lib/env.ts"

const emitter = join(import.meta.dir, "emitter.ts")
const doneFile = () => join(mkdtempSync(join(tmpdir(), "llem-progress-")), "done")
const reachedTheEnd = (file: string) => expect(readFileSync(file, "utf8")).toBe("reached the end")

describe("progress on stderr", () => {
  test("json: one event a line, each as the journal has it, nothing on stdout", () => {
    const ran = Bun.spawnSync([process.execPath, emitter, "json", "end", "2"])
    const lines = ran.stderr.toString().trimEnd().split("\n")
    expect(lines.map((line) => Schema.decodeSync(Schema.fromJsonString(StudyEvent))(line).event)).toEqual([
      "study_started",
      "cell_started",
      "cell_completed",
      "cell_started",
      "cell_completed",
      "study_finished",
    ])
    expect(ran.stdout.toString()).toBe("")
  })

  test("plain: one line a transition with its time", () => {
    const ran = Bun.spawnSync([process.execPath, emitter, "plain", "end"])
    expect(ran.stderr.toString()).toBe(
      [
        "10:00:00 batch sizes: 1 cell, results in results/x",
        "10:00:00 [1/1] a cell cycle 1, local",
        "10:00:04 [1/1] a cell cycle 1 ✓ 100 tokens/s, 64.0 J, in 3.2 s",
        "10:05:00 batch sizes completed: 1 completed",
        "",
      ].join("\n"),
    )
  })

  for (const adapter of ["json", "plain", "live"]) {
    test(`${adapter}: a closed stderr ends nothing`, () => {
      const done = doneFile()
      const ran = Bun.spawnSync(["sh", "-c", '"$@" 2>&-', "sh", process.execPath, emitter, adapter, "end", "50", done])
      expect(ran.exitCode).toBe(0)
      reachedTheEnd(done)
    })

    test(`${adapter}: a reader that goes away ends nothing`, () => {
      const done = doneFile()
      const ran = Bun.spawnSync([
        "bash",
        "-c",
        'set -o pipefail; "$@" 2>&1 >/dev/null | head -n 1',
        "bash",
        process.execPath,
        emitter,
        adapter,
        "end",
        "2000",
        done,
      ])
      expect(ran.exitCode).toBe(0)
      reachedTheEnd(done)
    })
  }

  test("json: a reader that is slow at a non-blocking pipe gets every line", () => {
    const script = `
import os, subprocess, sys, time
r, w = os.pipe()
os.set_blocking(w, False)
p = subprocess.Popen(sys.argv[1:], stderr=w)
os.close(w)
time.sleep(0.3)
out = b""
while True:
  data = os.read(r, 8192)
  if not data: break
  out += data
print(p.wait(), out.count(b"\\n"), out.endswith(b"}\\n"))`
    const ran = Bun.spawnSync([python(), "-c", script, process.execPath, emitter, "json", "end", "500"])
    expect(ran.stdout.toString().trim()).toBe("0 1002 True")
  })
})
