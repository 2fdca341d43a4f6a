import { statSync } from "node:fs"

const stickyOthersMayWrite = 0o1002
const othersMayWrite = 0o0002

/** Code is loaded from this folder, so nobody but this user (or root) may be able to put files into it. Throws. */
export const refuseForeign = (base: string): void => {
  const found = statSync(base)
  const ours = found.uid === process.getuid?.() || found.uid === 0
  const open = (found.mode & stickyOthersMayWrite) === othersMayWrite
  if (!ours || open) throw new Error(`${base} belongs to, or can be written by, other users`)
}
