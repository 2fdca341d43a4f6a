import { randomBytes } from "node:crypto"
import { realpath, rename, rm, stat } from "node:fs/promises"
import { Data, Effect } from "effect"
import { reasonOf } from "../domain/Unknown.ts"

/** A file of this node that could not be read or written; the message names it. */
export class FileProblem extends Data.TaggedError("FileProblem")<{ readonly message: string }> {}

const because = (cause: unknown): string => {
  const code = typeof cause === "object" && cause !== null ? Reflect.get(cause, "code") : undefined
  switch (code) {
    case "ENOENT":
      return "there is no such file or folder"
    case "EACCES":
    case "EPERM":
      return "this user may not"
    case "EISDIR":
      return "it is a folder"
    case "ENOTDIR":
      return "a part of its path is no folder"
    case "ENOSPC":
      return "the disk is full"
    case "EROFS":
      return "the disk is read-only"
    default:
      return reasonOf(cause)
  }
}

/** The problem with a file, in words for a person. */
export const problemWith = (path: string, doing: "read" | "written", cause: unknown): FileProblem =>
  cause instanceof FileProblem
    ? cause
    : new FileProblem({ message: `${path} could not be ${doing}: ${because(cause)}` })

/**
 * Lets a function write a file under another name beside it, which becomes the file once it is whole; what is there
 * and is no file, such as a device, is left alone. `write` rejects with whatever it met; a `FileProblem` passes as it is.
 */
export const writeWhole = async <A>(named: string, write: (part: string) => Promise<A>): Promise<A> => {
  // A link is written through, not replaced.
  const path = await realpath(named).catch(() => named)
  const before = await stat(path).catch(() => null)
  if (before !== null && !before.isFile())
    throw new FileProblem({
      message: `${path} could not be written: there is something that is no file, and it is left alone`,
    })
  const part = `${path}.${randomBytes(4).toString("hex")}.part`
  try {
    const written = await write(part)
    await rename(part, path)
    return written
  } catch (cause) {
    throw cause instanceof FileProblem ? new FileProblem({ message: cause.message.replace(part, named) }) : cause
  } finally {
    await rm(part, { force: true })
  }
}

/** A promise that can be told to stop; an interrupt waits until it has stopped, so that it can clean up. */
export const stoppable = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.callback<A, unknown>((resume, signal) => {
    const running = run(signal)
    running.then(
      (value) => resume(Effect.succeed(value)),
      (cause: unknown) => resume(Effect.fail(cause)),
    )
    return Effect.promise(() =>
      running.then(
        () => undefined,
        () => undefined,
      ),
    )
  })
