import { constants } from "node:fs"
import { access, stat, statfs } from "node:fs/promises"
import { availableParallelism, release } from "node:os"
import { dirname, join } from "node:path"

/** The full path of a command as a shell would find it on `path`; null when it is not there. */
export const findCommand = async (name: string, path: string): Promise<string | null> => {
  for (const folder of path.split(":")) {
    if (folder === "") continue
    const candidate = join(folder, name)
    const found = await stat(candidate).catch(() => null)
    if (found?.isFile() !== true) continue
    const runs = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return candidate
  }
  return null
}

/** What keeps this process from using a unix socket. */
export type SocketProblem = "missing" | "permission" | "other"

/** Whether a unix socket is there and may be used; null when nothing speaks against it. */
export const socketProblem = async (path: string): Promise<SocketProblem | null> => {
  try {
    if (!(await stat(path)).isSocket()) return "other"
    await access(path, constants.R_OK | constants.W_OK)
    return null
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null
    if (code === "ENOENT" || code === "ENOTDIR") return "missing"
    return code === "EACCES" || code === "EPERM" ? "permission" : "other"
  }
}

/** The standard output of a short command; null when it cannot start, fails or is not done within the limit. */
export const outputOf = async (command: ReadonlyArray<string>, timeoutMillis: number): Promise<string | null> => {
  try {
    const child = Bun.spawn([...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: timeoutMillis,
      killSignal: "SIGKILL",
    })
    const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
    return code === 0 ? text : null
  } catch {
    return null
  }
}

/** The operating system and processor that this program was built for, e.g. `linux-x64`. */
export const target = `${process.platform}-${process.arch}`

/** The release of this node's kernel. */
export const kernelVersion = (): string => release()

/** Processors that this process may use. */
export const processors = (): number => availableParallelism()

/** Bytes that this user may still write to the file system of a path, or of the nearest folder that exists; null when unknown. */
export const freeBytes = async (path: string): Promise<number | null> => {
  const found = await statfs(path).catch(() => null)
  if (found !== null) return found.bavail * found.bsize
  const parent = dirname(path)
  return parent === path ? null : freeBytes(parent)
}
