import { createHash, type Hash, randomBytes } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { mkdir, rename, rm, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { pack } from "tar-stream"

/** One entry of an image's only layer. */
export type LayerEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly source: string }
  | { readonly kind: "bytes"; readonly path: string; readonly mode: number; readonly content: Uint8Array }

/** An image as a docker-archive describes it. */
export interface ImageDescription {
  readonly tag: string
  readonly architecture: string
  readonly command: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  readonly entries: ReadonlyArray<LayerEntry>
}

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
  const { size } = await stat(path)
  const entry = tar.entry({ name, mode, mtime: epoch, uid: 0, gid: 0, size })
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), entry)
}

const addMark = (tar: Pack, header: Parameters<Pack["entry"]>[0]): Promise<void> =>
  new Promise((resolve, reject) => {
    tar.entry({ mtime: epoch, uid: 0, gid: 0, ...header }, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    )
  })

const addEntry = (tar: Pack, entry: LayerEntry): Promise<void> => {
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

/** Writes a tar file; gives its sha256. */
const writeTar = async (path: string, fill: (tar: Pack) => Promise<void>): Promise<string> => {
  const tar = pack()
  const hash = createHash("sha256")
  const written = pipeline(tar, hashing(hash), createWriteStream(path, { mode: 0o600 }))
  const filled = fill(tar).then(
    () => tar.finalize(),
    (cause) => tar.destroy(cause instanceof Error ? cause : new Error(String(cause))),
  )
  await Promise.all([written, filled])
  return hash.digest("hex")
}

/**
 * Writes a docker-archive of one layer, in which every time is that of the epoch and every owner root: the same
 * entries give the same image. Throws what the disk says.
 */
export const writeImage = async (path: string, image: ImageDescription): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const mark = randomBytes(4).toString("hex")
  const layer = `${path}.${mark}.layer`
  const whole = `${path}.${mark}.part`
  try {
    const digest = await writeTar(layer, async (tar) => {
      for (const entry of image.entries) await addEntry(tar, entry)
    })
    const config = JSON.stringify({
      architecture: image.architecture,
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: { Cmd: image.command, Env: ["PATH=/usr/bin:/bin"], WorkingDir: "/", Labels: image.labels },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
      history: [{ created: "1970-01-01T00:00:00Z", created_by: "llem" }],
    })
    const configName = `${createHash("sha256").update(config).digest("hex")}.json`
    const manifest = JSON.stringify([{ Config: configName, RepoTags: [image.tag], Layers: ["layer.tar"] }])
    await writeTar(whole, async (tar) => {
      await addBytes(tar, configName, config, 0o644)
      await addFile(tar, "layer.tar", layer, 0o644)
      await addBytes(tar, "manifest.json", manifest, 0o644)
    })
    await rename(whole, path)
  } finally {
    await rm(layer, { force: true })
    await rm(whole, { force: true })
  }
}
