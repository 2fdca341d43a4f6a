import { afterAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ImageDescription, writeImage } from "../../src/platform/imageArchive.ts"

const work = mkdtempSync(join(tmpdir(), "llem-image-"))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

let made = 0
/** An image of a file that was written at this time and with this mode. */
const image = (seconds: number, mode: number, over: Partial<ImageDescription> = {}): ImageDescription => {
  const source = join(work, `source-${++made}`)
  writeFileSync(source, "content".repeat(100_000))
  chmodSync(source, mode)
  utimesSync(source, seconds, seconds)
  return {
    tag: "llem-test:1",
    architecture: "amd64",
    command: ["/bin/program"],
    labels: { a: "b" },
    entries: [
      { kind: "folder", path: "bin", mode: 0o755 },
      { kind: "file", path: "bin/program", mode: 0o755, source },
      { kind: "link", path: "bin/other", target: "program" },
      { kind: "bytes", path: "etc/name", mode: 0o644, content: Buffer.from("name") },
    ],
    ...over,
  }
}

const written = async (description: ImageDescription): Promise<string> => {
  const path = join(work, `folder-${++made}`, "image.tar")
  await writeImage(path, description)
  expect(readdirSync(join(path, ".."))).toEqual(["image.tar"])
  return path
}

/** A member of an archive, as tar itself reads it. */
const member = (archive: string, name: string): Buffer => Bun.spawnSync(["tar", "-xOf", archive, name]).stdout

describe("an image archive", () => {
  test("has the same bytes from the same inputs, whenever they were written and whatever their rights", async () => {
    const [one, two, three] = await Promise.all([
      written(image(1_000_000_000, 0o600)),
      written(image(1_700_000_000, 0o755)),
      written(image(1_700_000_000, 0o755, { labels: { a: "c" } })),
    ])
    expect(sha256(readFileSync(one))).toBe(sha256(readFileSync(two)))
    expect(sha256(readFileSync(one))).not.toBe(sha256(readFileSync(three)))
  })

  test("names its configuration and its layer by what they are", async () => {
    const archive = await written(image(1, 0o644))
    const manifest = JSON.parse(member(archive, "manifest.json").toString())
    expect(manifest).toEqual([
      { Config: expect.stringMatching(/^[0-9a-f]{64}\.json$/), RepoTags: ["llem-test:1"], Layers: ["layer.tar"] },
    ])
    const config = member(archive, manifest[0].Config)
    expect(`${sha256(config)}.json`).toBe(manifest[0].Config)
    expect(JSON.parse(config.toString())).toMatchObject({
      architecture: "amd64",
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: { Cmd: ["/bin/program"], Labels: { a: "b" } },
      rootfs: { type: "layers", diff_ids: [`sha256:${sha256(member(archive, "layer.tar"))}`] },
    })
  })

  test("has in its layer what was asked, of root and of the epoch", async () => {
    const archive = await written(image(1_700_000_000, 0o600))
    const layer = join(work, "layer.tar")
    writeFileSync(layer, member(archive, "layer.tar"))
    const listed = Bun.spawnSync(["tar", "--numeric-owner", "--utc", "-tvf", layer]).stdout.toString()
    const lines = listed
      .trim()
      .split("\n")
      .map((line) => line.replace(/ +/g, " "))
    expect(lines).toEqual([
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/",
      "-rwxr-xr-x 0/0 700000 1970-01-01 00:00 bin/program",
      "lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/other -> program",
      "-rw-r--r-- 0/0 4 1970-01-01 00:00 etc/name",
    ])
  })

  test("leaves nothing behind when a file of it is not there", async () => {
    const folder = join(work, "failed")
    const gone = [{ kind: "file", path: "x", mode: 0o644, source: join(work, "gone") } as const]
    const failed = writeImage(join(folder, "image.tar"), image(1, 0o644, { entries: gone }))
    expect(
      await failed.then(
        () => null,
        (cause: unknown) => String(cause),
      ),
    ).toContain(`${join(work, "gone")} could not be read: there is no such file`)
    expect(readdirSync(folder)).toEqual([])
  })
})
