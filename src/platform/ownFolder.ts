import { readdirSync, realpathSync, statSync } from "node:fs"
import { dirname, join } from "node:path"

const stickyOthersMayWrite = 0o1002
const othersMayWrite = 0o0002
const groupMayWrite = 0o0020

const isOurs = (uid: number): boolean => uid === process.getuid?.() || uid === 0

/** Code is loaded from this folder, so nobody but this user (or root) may be able to put files into it. Throws. */
export const refuseForeign = (base: string): void => {
  const found = statSync(base)
  const open = (found.mode & stickyOthersMayWrite) === othersMayWrite
  if (!isOurs(found.uid) || open) throw new Error(`${base} belongs to, or can be written by, other users`)
}

/** A group of one's own has the number of its user; every other one is taken to have further members. */
const groupIsOthers = (gid: number): boolean => gid !== 0 && gid !== process.getuid?.()

const refuseWritable = (path: string): void => {
  const found = statSync(path)
  if (!isOurs(found.uid)) throw new Error(`${path} belongs to another user, and its code would run as you: chown it`)
  const byGroup = (found.mode & groupMayWrite) !== 0 && groupIsOthers(found.gid)
  if (byGroup || (found.mode & othersMayWrite) !== 0)
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
    refuseForeign(above)
    if (above === dirname(above)) return
  }
}
