import { createHash, type Hash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { stat } from "node:fs/promises"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { pack } from "tar-stream"
import { problemWith, writeWhole } from "./wholeFile.ts"

/** One entry of a tar file. */
export type TarEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly source: string }
  | { readonly kind: "bytes"; readonly path: string; readonly mode: number; readonly content: Uint8Array }

const epoch = new Date(0)

const hashing = (hash: Hash): Transform =>
  new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      done(null, chunk)
    },
  })

type Pack = ReturnType<typeof pack>

const addBytes = (tar: Pack, name: string, bytes: string | Uint8Array, mode: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const buffer = Buffer.from(bytes)
    tar.entry({ name, mode, mtime: epoch, uid: 0, gid: 0, size: buffer.length }, buffer, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    )
  })

const addFile = async (tar: Pack, name: string, path: string, mode: number): Promise<void> => {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw problemWith(path, "read", cause)
  })
  const entry = tar.entry({ name, mode, mtime: epoch, uid: 0, gid: 0, size })
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), entry)
}

const addMark = (tar: Pack, header: Parameters<Pack["entry"]>[0]): Promise<void> =>
  new Promise((resolve, reject) => {
    tar.entry({ mtime: epoch, uid: 0, gid: 0, ...header }, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    )
  })

const addEntry = (tar: Pack, entry: TarEntry): Promise<void> => {
  switch (entry.kind) {
    case "folder":
      return addMark(tar, { name: `${entry.path}/`, type: "directory", mode: entry.mode })
    case "link":
      return addMark(tar, { name: entry.path, type: "symlink", linkname: entry.target, mode: 0o777 })
    case "file":
      return addFile(tar, entry.path, entry.source, entry.mode)
    case "bytes":
      return addBytes(tar, entry.path, entry.content, entry.mode)
  }
}

/**
 * Writes a tar file in which every time is that of the epoch and every owner root; gives its sha256. Rejects with a
 * `FileProblem`, or with the signal's reason once that is aborted.
 */
export const writeTar = async (
  path: string,
  entries: ReadonlyArray<TarEntry>,
  signal?: AbortSignal,
): Promise<string> => {
  const tar = pack()
  const hash = createHash("sha256")
  const file = createWriteStream(path, { mode: 0o600 })
  const written = pipeline(tar, hashing(hash), file, { ...(signal === undefined ? {} : { signal }) })
  const fill = async (): Promise<void> => {
    for (const entry of entries) {
      signal?.throwIfAborted()
      await addEntry(tar, entry)
    }
  }
  const filled = fill().then(
    () => tar.finalize(),
    (cause) => tar.destroy(cause instanceof Error ? cause : new Error(String(cause))),
  )
  try {
    await Promise.all([written, filled])
  } catch (cause) {
    if (signal?.aborted === true) throw cause
    throw problemWith(path, "written", cause)
  }
  return hash.digest("hex")
}

/** Writes a tar file whose name appears only once it is whole. Rejects as `writeTar` does. */
export const writeTarOnce = (path: string, entries: ReadonlyArray<TarEntry>, signal?: AbortSignal): Promise<string> =>
  writeWhole(path, (part) => writeTar(part, entries, signal))
