import { statSync } from "node:fs"

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
