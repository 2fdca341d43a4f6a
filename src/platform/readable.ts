import { lstatSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"

/** Who would read: a user and their groups, by number. */
export interface Reader {
  readonly uid: number
  readonly gids: ReadonlyArray<number>
}

/**
 * Whether a file's mode lets somebody read it who has no privilege to pass over it, as root in a container has none.
 * True where nothing is there: that is for others to tell.
 */
export const mayRead = (path: string, reader: Reader): boolean => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return true
  const needed = found.isDirectory() ? 5 : 4
  const has = (shift: number): boolean => ((found.mode >> shift) & needed) === needed
  if (found.uid === reader.uid) return has(6)
  return reader.gids.includes(found.gid) ? has(3) : has(0)
}

const entriesOf = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/**
 * What somebody may not read of a file or of all that lies in a folder: the first such path; null when there is none.
 * Links to folders are not followed.
 */
export const unreadable = (path: string, reader: Reader): string | null => {
  if (!mayRead(path, reader)) return path
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return null
  for (const name of entriesOf(path)) {
    const entry = join(path, name)
    const linked = lstatSync(entry).isSymbolicLink()
    const found = linked ? (mayRead(entry, reader) ? null : entry) : unreadable(entry, reader)
    if (found !== null) return found
  }
  return null
}
