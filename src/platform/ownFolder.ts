import { readdirSync, realpathSync, statSync } from "node:fs"
import { dirname, join } from "node:path"

const isSticky = 0o1000
const othersMayWrite = 0o0002
const groupMayWrite = 0o0020

const isOurs = (uid: number): boolean => uid === process.getuid?.() || uid === 0

/** A group of one's own has the number of its user; every other one is taken to have further members. */
const groupIsOthers = (gid: number): boolean => gid !== 0 && gid !== process.getuid?.()

/** Whether others can put something into a folder, or only where they cannot take away what is there (a sticky one). */
const isOpen = (
  { mode, gid }: { readonly mode: number; readonly gid: number },
  sticky: "refused" | "allowed",
): boolean => {
  const byOthers = (mode & othersMayWrite) !== 0 || ((mode & groupMayWrite) !== 0 && groupIsOthers(gid))
  return byOthers && (sticky === "refused" || (mode & isSticky) === 0)
}

/** Code is loaded from this folder, so nobody but this user (or root) may be able to put files into it. Throws. */
export const refuseForeign = (base: string, sticky: "refused" | "allowed" = "refused"): void => {
  const found = statSync(base)
  if (!isOurs(found.uid) || isOpen(found, sticky))
    throw new Error(`${base} belongs to, or can be written by, other users`)
}

const refuseWritable = (path: string): void => {
  const found = statSync(path)
  if (!isOurs(found.uid)) throw new Error(`${path} belongs to another user, and its code would run as you: chown it`)
  if (isOpen(found, "refused"))
    throw new Error(`other users can write to ${path}, and its code would run as you: chmod go-w it`)
}

const isLibrary = (name: string): boolean => /\.(so|node)(\.|$)/.test(name)

/**
 * Throws unless only this user and root can change the libraries in a folder, the folder, and the way to it. A library
 * that is a link to another folder is refused too.
 */
export const refuseForeignCode = (folder: string): void => {
  const real = realpathSync(folder)
  refuseWritable(real)
  for (const name of readdirSync(real).filter(isLibrary)) {
    const path = join(real, name)
    if (dirname(realpathSync(path)) !== real)
      throw new Error(`${path} is a link to another folder: put the file itself there`)
    refuseWritable(path)
  }
  for (let above = dirname(real); ; above = dirname(above)) {
    refuseForeign(above, "allowed")
    if (above === dirname(above)) return
  }
}
