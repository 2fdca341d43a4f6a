import { open, readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"

/** A file of a folder; links count as what they lead to. */
export interface FolderFile {
  readonly name: string
  readonly size: number
}

/** No header is longer: a damaged one must not have its whole file read into memory. */
const longestHeader = 256 * 1024 * 1024
const longestText = 64 * 1024 * 1024

/** The files of a folder; null when there is no such folder. Throws on other problems. */
export const filesOf = async (folder: string): Promise<ReadonlyArray<FolderFile> | null> => {
  try {
    const names = await readdir(folder)
    const found = await Promise.all(
      names.map(async (name) => {
        const one = await stat(join(folder, name)).catch(() => null)
        return one?.isFile() ? [{ name, size: one.size }] : []
      }),
    )
    return found.flat().toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return null
    throw cause
  }
}

/** A small text file of a folder; null when it cannot be read. */
export const textOf = async (folder: string, name: string): Promise<string | null> => {
  try {
    const path = join(folder, name)
    return (await stat(path)).size > longestText ? null : await readFile(path, "utf8")
  } catch {
    return null
  }
}

/** The JSON header of a safetensors file: its length in 8 bytes, then itself. Throws when it is not one. */
export const safetensorsHeader = async (folder: string, name: string): Promise<unknown> => {
  await using file = await open(join(folder, name), "r")
  const size = (await file.stat()).size
  const length = new DataView(new ArrayBuffer(8))
  await file.read(length, 0, 8, 0)
  const bytes = Number(length.getBigUint64(0, true))
  if (size < 8 || bytes > size - 8 || bytes > longestHeader)
    throw new Error(`${name} is no safetensors file, or it is truncated`)
  const header = new Uint8Array(bytes)
  for (let have = 0; have < bytes; ) {
    const { bytesRead } = await file.read(header, have, bytes - have, 8 + have)
    if (bytesRead === 0) throw new Error(`${name} ends in the middle of its header`)
    have += bytesRead
  }
  return JSON.parse(new TextDecoder().decode(header))
}
