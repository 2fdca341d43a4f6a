import { readdirSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { extract } from "../../src/platform/engineLibraries.ts"

/**
 * Unpacks the engine's libraries into a folder and empties every build of the CPU backend but the one for AVX2, which
 * is what the reference server was built for; the loader passes over files that are no libraries. On other processors
 * than x86-64 nothing is taken away. Gives the folder, to be used as the engine's library folder.
 */
export const onlyAvx2 = (folder: string): string => {
  const unpacked = extract([folder])
  const builds = readdirSync(unpacked).filter((name) => name.startsWith("libggml-cpu-"))
  const kept = "libggml-cpu-haswell.so"
  if (!builds.includes(kept)) return folder
  for (const name of builds.filter((one) => one !== kept)) {
    const path = join(unpacked, name)
    const { size } = statSync(path)
    truncateSync(path, 0)
    truncateSync(path, size)
  }
  return folder
}
