import { open } from "node:fs/promises"
import { Readable, Writable } from "node:stream"
import { finished, pipeline } from "node:stream/promises"
import { problemWith } from "./wholeFile.ts"

/** A writable stream that hands every piece to a function. */
export const sink = (onBytes: (bytes: Uint8Array) => void): Writable =>
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      onBytes(chunk)
      done()
    },
  })

/** Resolves when a stream is over, in whatever way. */
export const over = (stream: NodeJS.ReadWriteStream | NodeJS.ReadableStream): Promise<void> =>
  finished(stream).then(
    () => undefined,
    () => undefined,
  )

/** The text of a stream; rejects when it breaks off. */
export const text = async (stream: NodeJS.ReadableStream): Promise<string> => {
  const pieces: Array<Buffer> = []
  for await (const piece of stream) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString()
}

const read = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error(`the answer is no JSON, or breaks off: ${line.slice(0, 80)}`)
  }
}

/** What stands on each line of a stream of JSON, one value a line; rejects where a line is not JSON, or it breaks off. */
export const jsonLines = async (stream: NodeJS.ReadableStream, onValue: (value: unknown) => void): Promise<void> => {
  const decoder = new TextDecoder()
  let rest = ""
  const take = (line: string): void => {
    if (line.trim() !== "") onValue(read(line))
  }
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(Buffer.from(piece), { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) take(line)
  }
  take(rest)
}

/** A regular file's bytes as a stream; rejects with a `FileProblem` where there is none that can be read. */
export const fromFile = async (path: string): Promise<Readable> => {
  try {
    const file = await open(path)
    if ((await file.stat()).isFile()) return file.createReadStream({ highWaterMark: 1 << 20 })
    await file.close()
  } catch (cause) {
    throw problemWith(path, "read", cause)
  }
  throw problemWith(path, "read", new Error("it is no file"))
}

const diskCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS"])
const isOfDisk = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" && diskCodes.has(cause.code)

/** Writes a stream to a file; rejects with a `FileProblem` where it is the file that fails, not the stream. */
export const toFile = async (stream: NodeJS.ReadableStream, path: string, signal: AbortSignal): Promise<void> => {
  const file = await open(path, "w", 0o644).catch((cause: unknown) => {
    throw problemWith(path, "written", cause)
  })
  const sink = file.createWriteStream()
  try {
    await pipeline(stream, sink, { signal })
  } catch (cause) {
    throw isOfDisk(cause) ? problemWith(path, "written", cause) : cause
  }
}

/** Ends a connection at once. */
export const destroy = (stream: NodeJS.ReadWriteStream): void => {
  if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy()
}

/** Whether a value is a stream that can be read. */
export const isReadable = (value: unknown): value is NodeJS.ReadableStream => value instanceof Readable
