import { test } from "bun:test"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"

const run = (...command: ReadonlyArray<string>): boolean =>
  Bun.spawnSync([...command], { stdout: "ignore", stderr: "ignore" }).exitCode === 0

/** A small file system of its own. */
export interface Mount {
  readonly path: string
  /** Makes it read-only. */
  readonly freeze: () => void
}

/** A tmpfs of some KiB, unmounted with the scope. */
export const tmpfs = (kibibytes: number): Effect.Effect<Mount, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = mkdtempSync(join(tmpdir(), "llem-tmpfs-"))
      if (!run("mount", "-t", "tmpfs", "-o", `size=${kibibytes}k`, "tmpfs", path))
        throw new Error("a tmpfs cannot be mounted here")
      return {
        path,
        freeze: () => {
          if (!run("mount", "-o", "remount,ro", path)) throw new Error("the tmpfs cannot be made read-only")
        },
      }
    }),
    ({ path }) => Effect.sync(() => run("umount", "-l", path)),
  )

const mayMount = (): boolean => {
  const path = mkdtempSync(join(tmpdir(), "llem-tmpfs-"))
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path)
  if (mounted) run("umount", "-l", path)
  return mounted
}

/** Whether file systems can be mounted. Where they cannot, that is reported, and a failure in continuous integration. */
export const mountable = mayMount()

if (!mountable) {
  test("file systems can be mounted (needs root): disk-full and read-only tests are left out", () => {
    if (process.env["CI"] === "true") throw new Error("mount -t tmpfs is not permitted here")
  })
}
