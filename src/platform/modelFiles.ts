import { createHash, randomBytes } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"

/** Identity of a file as far as its contents are concerned. */
export interface FileIdentity {
  readonly size: number
  readonly key: string
  readonly isFile: boolean
}

/** What the file system says of a path; null when nothing is there. Throws on other problems. */
export const identify = async (path: string): Promise<FileIdentity | null> => {
  try {
    const found = await stat(path, { bigint: true })
    return {
      size: Number(found.size),
      key: [path, found.size, found.mtimeNs, found.ino].join("\n"),
      isFile: found.isFile(),
    }
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return null
    throw cause
  }
}

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest("hex")
}

/** sha256 of a file's contents, remembered in a folder for as long as the file is not changed. */
export const contentHash = async (path: string, identity: FileIdentity, cacheFolder: string): Promise<string> => {
  const remembered = join(cacheFolder, "hashes", createHash("sha256").update(identity.key).digest("hex"))
  const known = await readFile(remembered, "utf8").catch(() => "")
  if (/^[0-9a-f]{64}$/.test(known)) return known
  const digest = await sha256Of(path)
  try {
    await mkdir(dirname(remembered), { recursive: true, mode: 0o700 })
    const temporary = `${remembered}.${randomBytes(4).toString("hex")}`
    await writeFile(temporary, digest)
    await rename(temporary, remembered)
  } catch {
    // A cache that cannot be written costs time only.
  }
  return digest
}

/** Takes a file away; one that is not there, or that may not be taken away, is left. */
export const remove = (path: string): Promise<void> => rm(path, { force: true }).catch(() => undefined)

/** Writes a file from pieces so that its name appears only once it is whole and durable; keeps one that is there. */
export const writeOnce = async (path: string, pieces: Iterable<Uint8Array>): Promise<void> => {
  if ((await identify(path)) !== null) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(4).toString("hex")}`
  try {
    const file = await open(temporary, "wx", 0o644)
    try {
      for (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}
