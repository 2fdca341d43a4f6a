import { mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { type FileProblem, problemWith } from "./wholeFile.ts"

const gone = (base: string, isLeftBehind: (name: string) => boolean): ReadonlyArray<string> => {
  try {
    return readdirSync(base).filter(isLeftBehind)
  } catch {
    return []
  }
}

/**
 * A folder below another one whose name tells whose it is, gone with the scope. Those that were left behind by
 * processes that were killed go first. Fails with what the file system says.
 */
export const make = (
  base: string,
  name: string,
  isLeftBehind: (name: string) => boolean,
): Effect.Effect<string, FileProblem, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        for (const other of gone(base, isLeftBehind)) rmSync(join(base, other), { recursive: true, force: true })
        const folder = join(base, name)
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        return folder
      },
      catch: (cause) => problemWith(base, "written", cause),
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
  )
