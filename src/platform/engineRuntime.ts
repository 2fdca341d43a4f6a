import { createHash } from "node:crypto"
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { architecture } from "./nodeArchitecture.ts"
import { refuseForeign } from "./ownFolder.ts"
import { compiled } from "./process.ts"

/** The C library and what the engine's libraries need beside it; the loader comes first. */
const names = [
  architecture.loader,
  "libc.so.6",
  "libm.so.6",
  "libpthread.so.0",
  "libdl.so.2",
  "librt.so.1",
  "libgcc_s.so.1",
  "libstdc++.so.6",
]
const { multiarch } = architecture
const folders = [`/lib/${multiarch}`, `/usr/lib/${multiarch}`, "/lib64", "/usr/lib64", "/lib", "/usr/lib"]

/** A library of this node, and the name that it is loaded by. */
export interface RuntimeFile {
  readonly name: string
  readonly path: string
}

/** This node's loader and the libraries with which llem runs in an image that has none; throws when one is missing. */
export const runtimeFiles = (): ReadonlyArray<RuntimeFile> =>
  names.map((name) => {
    const folder = folders.find((one) => existsSync(join(one, name)))
    if (folder === undefined) throw new Error(`this node has no ${name}, which llem needs inside a container`)
    return { name, path: realpathSync(join(folder, name)) }
  })

/** llem's own binary; null while it runs from its sources. */
export const ownBinary = (): string | null => (compiled ? process.execPath : null)

/**
 * A folder with copies of this node's loader and libraries, readable by everybody, made once in the first of the
 * folders that can be written. Throws with the last problem.
 */
export const runtimeFolder = (bases: ReadonlyArray<string>): string => {
  const files = runtimeFiles()
  const hash = createHash("sha256")
  for (const { path } of files) hash.update(readFileSync(path))
  const id = hash.digest("hex").slice(0, 16)
  let problem: unknown = new Error("there is no folder to put them in")
  for (const base of bases) {
    const folder = join(base, `runtime-${id}`)
    const temporary = `${folder}.${process.pid}`
    try {
      mkdirSync(base, { recursive: true, mode: 0o700 })
      refuseForeign(base)
      if (existsSync(folder)) return folder
      mkdirSync(temporary)
      for (const { name, path } of files) {
        copyFileSync(path, join(temporary, name))
        chmodSync(join(temporary, name), 0o755)
      }
      chmodSync(temporary, 0o755)
      renameSync(temporary, folder)
      return folder
    } catch (cause) {
      problem = cause
      rmSync(temporary, { recursive: true, force: true })
      if (existsSync(folder)) return folder
    }
  }
  throw problem
}
