import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { reasonOf } from "../domain/Unknown.ts"
import { neededLibraries } from "./cpuVariants.ts"
import { type EngineManifest, packed } from "./engineAssets.ts"
import { refuseForeign } from "./ownFolder.ts"

/** Whether everything is there that this node's processor may load; an image holds no more than that. */
const intact = (directory: string, manifest: EngineManifest): boolean => {
  const needed = new Set(neededLibraries(manifest.files.map(({ name }) => name)))
  return manifest.files.every((file) => {
    if (!needed.has(file.name)) return true
    try {
      return statSync(join(directory, file.name)).size === file.size
    } catch {
      return false
    }
  })
}

const unpackInto = (directory: string, manifest: EngineManifest, bytes: Uint8Array): void => {
  for (const file of manifest.files) {
    const content = bytes.subarray(file.offset, file.offset + file.size)
    if (createHash("sha256").update(content).digest("hex") !== file.sha256)
      throw new Error(`the packed ${file.name} is damaged`)
    writeFileSync(join(directory, file.name), content, { mode: 0o755 })
  }
}

const extractTo = (base: string): string => {
  const { manifest, blobPath } = packed
  const directory = join(base, `engine-${manifest.variant}-${manifest.id}`)
  mkdirSync(base, { recursive: true, mode: 0o700 })
  refuseForeign(base)
  if (intact(directory, manifest)) return directory
  const temporary = `${directory}.${process.pid}-${randomBytes(4).toString("hex")}`
  mkdirSync(temporary, { mode: 0o700 })
  try {
    unpackInto(temporary, manifest, Bun.zstdDecompressSync(readFileSync(blobPath)))
    try {
      renameSync(temporary, directory)
    } catch (cause) {
      if (intact(directory, manifest)) return directory
      rmSync(directory, { recursive: true, force: true })
      renameSync(temporary, directory)
      void cause
    }
    return directory
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/**
 * Puts the packed llama.cpp libraries on disk once, checked by sha256, in the first of these folders that can be
 * written, and gives the folder they are in. Throws with every folder's problem when none can.
 */
export const extract = (bases: ReadonlyArray<string>): string => {
  const problems: Array<string> = []
  for (const base of bases) {
    try {
      return extractTo(base)
    } catch (cause) {
      problems.push(`${base}: ${reasonOf(cause)}`)
    }
  }
  throw new Error(`the engine's libraries could not be unpacked anywhere: ${problems.join("; ")}`)
}

/** Release of llama.cpp and version of the package that it was packed from. */
export const engineVersion = `llama.cpp ${packed.manifest.llamaCpp} (node-llama-cpp ${packed.manifest.packageVersion})`
