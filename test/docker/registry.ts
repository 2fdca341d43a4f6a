import { createHash, randomBytes } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect, type Scope } from "effect"
import { writeImage } from "../../src/platform/imageArchive.ts"
import { writeTar } from "../../src/platform/tarFile.ts"

/** A static busybox of this node, of which images are made without any other image. */
const busybox = (): string => {
  const found = ["/bin/busybox", "/usr/bin/busybox"].find(existsSync)
  if (found === undefined) throw new Error("busybox is missing: run scripts/test once, it installs it")
  return found
}

const entries = () => [
  { kind: "folder", path: "bin", mode: 0o755 } as const,
  { kind: "folder", path: "tmp", mode: 0o1777 } as const,
  { kind: "file", path: "bin/busybox", mode: 0o755, source: busybox() } as const,
  { kind: "link", path: "bin/sh", target: "busybox" } as const,
]

/** Writes an image of busybox alone as a docker-archive. */
export const writeBusyboxImage = (path: string, tag: string): Promise<void> =>
  writeImage(path, {
    tag,
    architecture: "amd64",
    command: ["/bin/busybox"],
    labels: { "io.llem.test": "image" },
    entries: entries(),
  })

export interface Registry {
  /** Host and port, as image names begin. */
  readonly address: string
  /** Puts an image of busybox and a file of that many random bytes there; its layer's digest. */
  readonly push: (name: string, tag: string, bytes?: number) => Promise<string>
  /** Changes bytes of a blob where the registry keeps it. */
  readonly damage: (digest: string) => void
  readonly stop: () => Promise<void>
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

/** A port of the loopback interface that nobody listens on. */
export const freePort = (): number => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  const { port } = server
  server.stop(true)
  return port
}

/** Resolves once the registry says that it listens; its log is read on, so that it never waits for a reader. */
const listening = (log: ReadableStream<Uint8Array>): Promise<void> =>
  new Promise((resolve, reject) => {
    const read = async (): Promise<void> => {
      let text = ""
      const decoder = new TextDecoder()
      for await (const piece of log) {
        text += decoder.decode(piece, { stream: true })
        if (text.includes("listening on")) resolve()
      }
      reject(new Error(`docker-registry ended: ${text}`))
    }
    void read()
  })

/** Debian's docker-registry on a loopback port, which daemons talk to without TLS. With a user, only that one may pull. */
export const registry = (
  user: {
    readonly name: string
    readonly password: string
  } | null = null,
): Effect.Effect<Registry, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = mkdtempSync(join(tmpdir(), "llem-registry-"))
      const address = `127.0.0.1:${freePort()}`
      const base = `http://${address}/v2/`
      const headers: Record<string, string> =
        user === null
          ? {}
          : { authorization: `Basic ${Buffer.from(`${user.name}:${user.password}`).toString("base64")}` }
      const file = join(folder, "htpasswd")
      if (user !== null)
        writeFileSync(
          file,
          `${user.name}:${await Bun.password.hash(user.password, { algorithm: "bcrypt", cost: 4 })}\n`,
        )
      const config = {
        version: 0.1,
        log: { level: "info" },
        storage: { filesystem: { rootdirectory: join(folder, "data") } },
        http: { addr: address },
        ...(user === null ? {} : { auth: { htpasswd: { realm: "test", path: file } } }),
      }
      writeFileSync(join(folder, "config.yml"), JSON.stringify(config))
      const child = Bun.spawn(["docker-registry", "serve", join(folder, "config.yml")], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      })
      const stop = async () => {
        child.kill("SIGKILL")
        await child.exited
      }
      await listening(child.stderr)

      const putBlob = async (name: string, bytes: Uint8Array): Promise<string> => {
        const digest = digestOf(bytes)
        const opened = await fetch(`${base}${name}/blobs/uploads/`, { method: "POST", headers })
        const place = new URL(opened.headers.get("location") ?? "", base)
        place.searchParams.set("digest", digest)
        const put = await fetch(place, { method: "PUT", headers, body: bytes })
        if (!put.ok) throw new Error(`the registry refused a blob: ${put.status} ${await put.text()}`)
        return digest
      }

      const push = async (name: string, tag: string, bytes = 0): Promise<string> => {
        const tar = join(folder, `${randomBytes(4).toString("hex")}.tar`)
        const content = randomBytes(bytes)
        const diff = await writeTar(tar, [...entries(), { kind: "bytes", path: "data", mode: 0o644, content }])
        const layer = gzipSync(readFileSync(tar), { level: 1 })
        rmSync(tar)
        const image = Buffer.from(
          JSON.stringify({
            architecture: "amd64",
            os: "linux",
            config: { Cmd: ["/bin/busybox"], Labels: { "io.llem.test": "image" } },
            rootfs: { type: "layers", diff_ids: [`sha256:${diff}`] },
          }),
        )
        const layerDigest = await putBlob(name, layer)
        const type = "application/vnd.docker.distribution.manifest.v2+json"
        const manifest = JSON.stringify({
          schemaVersion: 2,
          mediaType: type,
          config: {
            mediaType: "application/vnd.docker.container.image.v1+json",
            size: image.length,
            digest: await putBlob(name, image),
          },
          layers: [
            { mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", size: layer.length, digest: layerDigest },
          ],
        })
        const put = await fetch(`${base}${name}/manifests/${tag}`, {
          method: "PUT",
          headers: { ...headers, "content-type": type },
          body: manifest,
        })
        if (!put.ok) throw new Error(`the registry refused an image: ${put.status} ${await put.text()}`)
        return layerDigest
      }

      const damage = (digest: string): void => {
        const hex = digest.replace("sha256:", "")
        const blob = join(folder, "data/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data")
        const bytes = readFileSync(blob)
        // The file keeps its length: what is wrong shows only in its digest.
        bytes.fill(0, bytes.length - 64, bytes.length - 32)
        writeFileSync(blob, bytes)
      }
      mkdirSync(join(folder, "data"), { recursive: true })
      return { folder, address, push, damage, stop }
    }),
    ({ folder, stop }) =>
      Effect.promise(async () => {
        await stop()
        rmSync(folder, { recursive: true, force: true })
      }),
  )
