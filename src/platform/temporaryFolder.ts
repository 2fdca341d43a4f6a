import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"

/** A folder of our own below another one, gone with the scope. */
export const make = (parent: string, prefix: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(parent, prefix))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
  )
