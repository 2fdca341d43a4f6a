import { readFile, realpath, stat, writeFile } from "node:fs/promises"
import { dirname, resolve } from "node:path"

/** Bytes of a file, or the sentence that says why they cannot be had. */
export type Reading = { readonly bytes: Uint8Array } | { readonly problem: string; readonly missing: boolean }

const problems: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory, not a file",
  ELOOP: "its symbolic links lead in a circle",
  ENAMETOOLONG: "the name is too long",
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

/** Reads a file up to a size; what is larger, not there or not a file is a problem, not an exception. */
export const read = async (path: string, maximumBytes: number): Promise<Reading> => {
  try {
    const found = await stat(path)
    if (found.isDirectory()) return { problem: "it is a directory, not a file", missing: false }
    if (!found.isFile()) return { problem: "it is not a regular file", missing: false }
    if (found.size > maximumBytes)
      return { problem: `it has ${found.size} bytes; a configuration may have ${maximumBytes}`, missing: false }
    return { bytes: await readFile(path) }
  } catch (cause) {
    const code = codeOf(cause)
    if (code === "ENOENT" || code === "ENOTDIR") return { problem: "there is no such file", missing: true }
    return { problem: problems[code] ?? String(cause), missing: false }
  }
}

/** Where a path really is; the path itself where nothing is there. */
export const real = async (path: string): Promise<string> => realpath(path).catch(() => path)

/** The one of several files that a path really is; null where it is none of them, or nothing is there. */
export const same = async (path: string, others: ReadonlyArray<string>): Promise<string | null> => {
  const own = await realpath(path).catch(() => null)
  if (own === null) return null
  for (const other of others) if ((await realpath(other).catch(() => null)) === own) return other
  return null
}

/** A path put together with a folder, symbolic links not followed. */
export const under = (folder: string, path: string): string => resolve(folder, path)

/** The folder that a path lies in. */
export const folderOf = (path: string): string => dirname(path)

/** Whether anything is at a path. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Writes a new file; false when the name is taken. */
export const writeNew = async (path: string, text: string): Promise<boolean> => {
  try {
    await writeFile(path, text, { flag: "wx" })
    return true
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false
    throw cause
  }
}
