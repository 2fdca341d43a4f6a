import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { inOwnImage } from "../domain/OwnImage.ts"
import { neededLibraries } from "./cpuVariants.ts"
import { packed } from "./engineAssets.ts"
import { runtimeFiles } from "./engineRuntime.ts"
import { type ImageDescription, writeImage } from "./imageArchive.ts"
import { contentHash, identify } from "./modelFiles.ts"
import { architecture } from "./nodeArchitecture.ts"
import type { TarEntry } from "./tarFile.ts"

/** Label with the hash of everything that the image was made of. */
export const inputsLabel = "io.llem.inputs"

const folder = (path: string, mode = 0o755): TarEntry => ({ kind: "folder", path, mode })

const needed = (): ReadonlySet<string> => new Set(neededLibraries(packed.manifest.files.map(({ name }) => name)))

/** sha256 over what the image is made of: the binary, the loader and its libraries, the engine's libraries. */
export const inputsOf = async (binary: string, cacheFolder: string): Promise<string> => {
  const found = await identify(binary)
  if (found === null) throw new Error(`there is no file ${binary}`)
  const hash = createHash("sha256").update(await contentHash(binary, found, cacheFolder))
  for (const { name, path } of runtimeFiles()) hash.update(name).update(readFileSync(path))
  for (const name of needed()) hash.update(name)
  return hash.update(packed.manifest.id).digest("hex")
}

const engineEntries = (): ReadonlyArray<TarEntry> => {
  const { manifest, blobPath } = packed
  const bytes = Bun.zstdDecompressSync(readFileSync(blobPath))
  const base = `${inOwnImage.libraries.slice(1)}/engine-${manifest.variant}-${manifest.id}`
  const names = needed()
  return [
    folder(inOwnImage.libraries.slice(1)),
    folder(base),
    ...manifest.files
      .filter(({ name }) => names.has(name))
      .map(
        ({ name, offset, size }): TarEntry => ({
          kind: "bytes",
          path: `${base}/${name}`,
          mode: 0o755,
          content: bytes.subarray(offset, offset + size),
        }),
      ),
  ]
}

/** Writes the embedded engine's image as a docker-archive: no registry, no base image, the same bytes from the same inputs. */
export const writeOwnImage = async (
  path: string,
  binary: string,
  tag: string,
  inputs: string,
  signal?: AbortSignal,
): Promise<void> => {
  const libraries = `lib/${architecture.multiarch}`
  const [loader, ...others] = runtimeFiles()
  const image: ImageDescription = {
    tag,
    architecture: architecture.docker,
    command: [inOwnImage.binary, "--version"],
    labels: { [inputsLabel]: inputs },
    entries: [
      folder("etc"),
      folder("lib"),
      folder(libraries),
      ...(architecture.loaderFolder === "lib" ? [] : [folder(architecture.loaderFolder)]),
      folder("llem"),
      folder("tmp", 0o1777),
      ...(loader === undefined
        ? []
        : [
            {
              kind: "file",
              path: `${architecture.loaderFolder}/${loader.name}`,
              mode: 0o755,
              source: loader.path,
            } as const,
          ]),
      ...others.map(
        ({ name, path: source }): TarEntry => ({ kind: "file", path: `${libraries}/${name}`, mode: 0o755, source }),
      ),
      { kind: "file", path: inOwnImage.binary.slice(1), mode: 0o755, source: binary },
      ...engineEntries(),
    ],
  }
  await writeImage(path, image, signal)
}
