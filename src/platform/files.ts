import * as Fs from "node:fs"
import { basename, dirname, join } from "node:path"
import { promisify } from "node:util"
import { Effect, Schema, type Scope, Semaphore } from "effect"
import { reasonOf } from "../domain/Unknown.ts"

/** A file operation that the kernel refused; `code` is its errno name (ENOSPC, EROFS, EACCES, ...). */
export class FileError extends Schema.TaggedError<FileError>()("FileError", {
  operation: Schema.Literals(["open", "read", "write", "sync", "rename", "mkdir", "list"]),
  path: Schema.String,
  code: Schema.String,
  message: Schema.String,
}) {}

const errnoName = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN"

const refused = (operation: FileError["operation"], path: string) => (cause: unknown) =>
  new FileError({
    operation,
    path,
    code: errnoName(cause),
    message: reasonOf(cause),
  })

const attempt = <A>(operation: FileError["operation"], path: string, run: () => A) =>
  Effect.try({ try: run, catch: refused(operation, path) })

// Only the waits for the device leave this thread: everything else goes to the page cache, and a hop costs more than it.
const fsync = promisify(Fs.fsync)
const fdatasync = promisify(Fs.fdatasync)

const syncFile = (path: string, run: () => Promise<void>): Effect.Effect<void, FileError> =>
  Effect.tryPromise({ try: run, catch: refused("sync", path) }).pipe(Effect.uninterruptible)

const ignoringErrors = (run: () => void) =>
  Effect.sync(() => {
    try {
      run()
    } catch {
      // The file is as good as gone: there is nothing left to do about it.
    }
  })

const writeFully = (file: number, bytes: Uint8Array): void => {
  for (let offset = 0; offset < bytes.length; ) {
    const written = Fs.writeSync(file, bytes, offset, bytes.length - offset)
    if (written === 0) throw Object.assign(new Error("the file takes no more bytes"), { code: "ENOSPC" })
    offset += written
  }
}

const unsyncable = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EISDIR"]

/** Makes names that were created in, or moved into, a folder durable. File systems that cannot do so are left alone. */
export const syncDirectory = (path: string): Effect.Effect<void, FileError> =>
  Effect.acquireUseRelease(
    attempt("open", path, () => Fs.openSync(path, "r")),
    (directory) =>
      syncFile(path, () => fsync(directory)).pipe(
        Effect.catchIf(
          (error) => unsyncable.includes(error.code),
          () => Effect.void,
        ),
      ),
    (directory) => ignoringErrors(() => Fs.closeSync(directory)),
  )

/** Creates a folder and those above it; modes are the user's umask's affair. */
export const makeDirectories = (path: string): Effect.Effect<void, FileError> =>
  attempt("mkdir", path, () => {
    Fs.mkdirSync(path, { recursive: true })
  })

/** Creates one folder; false when the name is taken. The kernel decides between two that ask at once. */
export const makeDirectory = (path: string): Effect.Effect<boolean, FileError> =>
  attempt("mkdir", path, () => {
    Fs.mkdirSync(path)
    return true
  }).pipe(
    Effect.catchIf(
      (error) => error.code === "EEXIST",
      () => Effect.succeed(false),
    ),
  )

/** Names in a folder, sorted. */
export const list = (path: string): Effect.Effect<ReadonlyArray<string>, FileError> =>
  attempt("list", path, () => Fs.readdirSync(path).sort())

/** A text file; null when there is none of that name. */
export const readText = (path: string): Effect.Effect<string | null, FileError> =>
  attempt("read", path, () => Fs.readFileSync(path, "utf8")).pipe(
    Effect.catchIf(
      (error) => error.code === "ENOENT" || error.code === "ENOTDIR",
      () => Effect.succeed(null),
    ),
  )

/** A file that only grows, by whole and durable pieces. */
export interface AppendFile {
  /** Appends text and makes it durable. A piece that cannot be written whole leaves the file as it was before. */
  readonly append: (text: string) => Effect.Effect<void, FileError>
}

const lengthToLastNewline = (file: number): number => {
  const buffer = Buffer.alloc(64 * 1024)
  for (let end = Fs.fstatSync(file).size; end > 0; ) {
    const start = Math.max(0, end - buffer.length)
    const read = Fs.readSync(file, buffer, 0, end - start, start)
    const newline = buffer.subarray(0, read).lastIndexOf(10)
    if (newline !== -1) return start + newline + 1
    end = start
  }
  return 0
}

/** Opens a file of lines for appending. A last line without its newline, left by a death in the middle of a write, is cut off. */
export const openAppend = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<AppendFile, FileError, Scope.Scope> {
  const file = yield* Effect.acquireRelease(
    attempt("open", path, () => Fs.openSync(path, "a+")),
    (handle) => ignoringErrors(() => Fs.closeSync(handle)),
  )
  const oneAtATime = yield* Semaphore.make(1)
  let length = yield* attempt("read", path, () => lengthToLastNewline(file))
  let whole = false
  const cutBack = () => {
    Fs.ftruncateSync(file, length)
    whole = true
  }
  return {
    append: (text) =>
      Effect.gen(function* () {
        const bytes = Buffer.from(text)
        yield* attempt("write", path, () => {
          if (!whole) cutBack()
          whole = false
          writeFully(file, bytes)
        })
        yield* syncFile(path, () => fdatasync(file))
        length += bytes.length
        whole = true
      }).pipe(
        Effect.tapError(() => ignoringErrors(cutBack)),
        oneAtATime.withPermit,
        Effect.uninterruptible,
      ),
  }
})

/** Takes the next bytes of a file that is being written. */
export type Sink = (bytes: Uint8Array) => Effect.Effect<void, FileError>

/**
 * Writes a file beside its place and moves it there only when it is whole and durable: who opens the name sees the old
 * file or the new one, never a part. Nothing is left behind when the body fails or is interrupted.
 */
export const replaceWith = <E, R>(
  path: string,
  body: (sink: Sink) => Effect.Effect<void, E, R>,
): Effect.Effect<void, E | FileError, R> =>
  Effect.suspend(() => {
    const temporary = join(dirname(path), `.${basename(path)}.tmp`)
    let moved = false
    return Effect.acquireUseRelease(
      attempt("open", path, () => Fs.openSync(temporary, "w")),
      (file) =>
        Effect.gen(function* () {
          yield* body((bytes) => attempt("write", path, () => writeFully(file, bytes)))
          yield* syncFile(path, () => fsync(file))
          yield* attempt("rename", path, () => {
            Fs.renameSync(temporary, path)
            moved = true
          })
        }),
      (file) =>
        ignoringErrors(() => {
          Fs.closeSync(file)
          if (!moved) Fs.unlinkSync(temporary)
        }),
    ).pipe(Effect.andThen(syncDirectory(dirname(path))))
  })

/** Replaces a file by new content, atomically and durably. */
export const replace = (path: string, content: string | Uint8Array): Effect.Effect<void, FileError> =>
  replaceWith(path, (sink) => sink(typeof content === "string" ? Buffer.from(content) : content)).pipe(
    Effect.uninterruptible,
  )

/** Whether a path is a folder. */
export const isDirectory = (path: string): Effect.Effect<boolean> =>
  attempt("read", path, () => Fs.statSync(path).isDirectory()).pipe(Effect.orElseSucceed(() => false))

/** Removes a folder and all in it, as far as that can be done. */
export const removeTree = (path: string): Effect.Effect<void> =>
  ignoringErrors(() => Fs.rmSync(path, { recursive: true, force: true }))
