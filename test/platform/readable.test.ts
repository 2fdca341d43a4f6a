import { afterAll, describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mayRead, unreadable } from "../../src/platform/readable.ts"

const work = mkdtempSync(join(tmpdir(), "llem-readable-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const file = (name: string, mode: number): string => {
  const path = join(work, name)
  writeFileSync(path, "x")
  chmodSync(path, mode)
  return path
}
const { uid, gid } = statSync(work)
const owner = { uid, gids: [] }
const member = { uid: uid + 1, gids: [7, gid] }
const stranger = { uid: uid + 1, gids: [gid + 1] }

describe("who may read a file", () => {
  test.each([
    [0o600, true, false, false],
    [0o640, true, true, false],
    [0o644, true, true, true],
    [0o044, false, true, true],
    [0o604, true, false, true],
  ])("of mode %o", (mode, byOwner, byMember, byStranger) => {
    const path = file(`file-${mode}`, mode)
    expect([owner, member, stranger].map((reader) => mayRead(path, reader))).toEqual([byOwner, byMember, byStranger])
  })

  test("a folder has to be entered, too", () => {
    const folder = join(work, "folder")
    mkdirSync(folder)
    chmodSync(folder, 0o744)
    expect([owner, stranger].map((reader) => mayRead(folder, reader))).toEqual([true, false])
  })

  test("all that lies in a folder, links included", () => {
    mkdirSync(join(work, "model/blobs"), { recursive: true })
    mkdirSync(join(work, "model/snapshots"))
    for (const folder of ["model", "model/blobs", "model/snapshots"]) chmodSync(join(work, folder), 0o755)
    symlinkSync("..", join(work, "model/snapshots/circle"))
    expect(unreadable(join(work, "model"), stranger)).toBeNull()
    const blob = file("model/blobs/a", 0o600)
    expect(unreadable(join(work, "model"), stranger)).toBe(blob)
    expect(unreadable(join(work, "model"), owner)).toBeNull()
    expect(unreadable(blob, stranger)).toBe(blob)
  })

  test("what is not there is for others to tell", () => {
    expect(mayRead(join(work, "none"), stranger)).toBe(true)
  })
})
