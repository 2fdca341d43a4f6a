import { createHash, randomBytes } from "node:crypto"
import { mkdir, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { type TarEntry, writeTar, writeTarOnce } from "./tarFile.ts"

/** An image as a docker-archive describes it. */
export interface ImageDescription {
  readonly tag: string
  readonly architecture: string
  readonly command: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  readonly entries: ReadonlyArray<TarEntry>
}

/**
 * Writes a docker-archive of one layer, in which every time is that of the epoch and every owner root: the same
 * entries give the same image. Throws what the disk says.
 */
export const writeImage = async (path: string, image: ImageDescription, signal?: AbortSignal): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const layer = `${path}.${randomBytes(4).toString("hex")}.layer`
  try {
    const digest = await writeTar(layer, image.entries, signal)
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
    const bytes = (path: string, text: string): TarEntry => ({
      kind: "bytes",
      path,
      mode: 0o644,
      content: new TextEncoder().encode(text),
    })
    const parts: ReadonlyArray<TarEntry> = [
      bytes(configName, config),
      { kind: "file", path: "layer.tar", mode: 0o644, source: layer },
      bytes("manifest.json", manifest),
    ]
    await writeTarOnce(path, parts, signal)
  } finally {
    await rm(layer, { force: true })
  }
}
