import { Effect } from "effect"
import type { EngineLaunch } from "../engines/Engine.ts"
import * as Files from "../platform/files.ts"

/** Writes the small files that an engine reads into a folder, where they stay beside its log. */
export const write = (launch: EngineLaunch, directory: string): Effect.Effect<void, Files.FileError> =>
  Effect.forEach(Object.entries(launch.texts ?? {}), ([name, text]) => Files.replace(`${directory}/${name}`, text), {
    discard: true,
  })
