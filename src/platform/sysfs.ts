import { ptr } from "bun:ffi"
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs"
import { libc } from "./libc.ts"

/** The text of a small file, or the name of the error that kept it from being read (EACCES, ENOENT, ...). */
export type FileText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: string; readonly errno: number }

/** A value that a reader cannot give: nothing yet, or the source failed. */
export const NOTHING_YET = Number.NaN
export const FAILED = Number.POSITIVE_INFINITY

/** A source that is read many times without allocation. Files stay open until `close`. */
export interface Reader {
  /** The raw value now, NOTHING_YET or FAILED. */
  readonly read: () => number
  /** The errno of the last failure; 0 when there is none. */
  readonly errno: () => number
  /** Called about once a second, apart from reading: what is too slow for every sample. */
  readonly maintain: (nowSeconds: number) => void
  readonly close: () => void
}

const failure = (cause: unknown): { readonly code: string; readonly errno: number } => ({
  code: cause instanceof Error && "code" in cause ? String(cause.code) : "EIO",
  errno: cause instanceof Error && "errno" in cause && typeof cause.errno === "number" ? Math.abs(cause.errno) : 5,
})

/** Reads a small file of sysfs or procfs, without the surrounding white space. */
export const readText = (path: string): FileText => {
  try {
    return { ok: true, text: readFileSync(path, "utf8").trim() }
  } catch (cause) {
    return { ok: false, ...failure(cause) }
  }
}

/** The names in a directory, sorted; null when it cannot be listed. */
export const list = (directory: string): ReadonlyArray<string> | null => {
  try {
    return readdirSync(directory).sort()
  } catch {
    return null
  }
}

const ENOENT = 2
const EINVAL = 22
const ENODATA = 61

/** The non-negative decimal integer at the start of a buffer, or FAILED. */
export const parseDecimal = (bytes: Uint8Array, length: number): number => {
  let value = 0
  let index = 0
  for (; index < length; index++) {
    const digit = (bytes[index] ?? 0) - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return index === 0 ? FAILED : value
}

/** Opens a file that holds one decimal integer, to be read again and again from its start. Throws as open does. */
export const openNumber = (path: string): Reader => {
  const file = openSync(path, "r")
  const bytes = new Uint8Array(new ArrayBuffer(32))
  const pointer = ptr(bytes)
  let errno = 0
  let removed = false
  const explain = () => {
    try {
      errno = readSync(file, bytes, 0, bytes.length, 0) === 0 ? ENODATA : EINVAL
    } catch (cause) {
      errno = failure(cause).errno
    }
  }
  return {
    read: () => {
      if (removed) {
        errno = ENOENT
        return FAILED
      }
      const length = libc.pread(file, pointer, bytes.length, 0)
      const value = length > 0 ? parseDecimal(bytes, length) : FAILED
      if (value === FAILED) explain()
      return value
    },
    errno: () => errno,
    maintain: () => {
      // An unlinked file can still be read, and would show its last value for ever.
      try {
        removed = fstatSync(file).nlink === 0
      } catch {
        removed = true
      }
    },
    close: () => closeSync(file),
  }
}
