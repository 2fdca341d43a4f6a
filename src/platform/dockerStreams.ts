import { createReadStream, createWriteStream } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { Readable, Writable } from "node:stream"
import { finished, pipeline } from "node:stream/promises"

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

/** A file's bytes as a stream. */
export const fromFile = (path: string): NodeJS.ReadableStream => createReadStream(path, { highWaterMark: 1 << 20 })

/** Writes a stream to a file whose name appears only once it is whole. */
export const toFile = async (stream: NodeJS.ReadableStream, path: string): Promise<void> => {
  const temporary = `${path}.part`
  try {
    await pipeline(stream, createWriteStream(temporary, { mode: 0o644 }))
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Ends a connection at once. */
export const destroy = (stream: NodeJS.ReadWriteStream): void => {
  if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy()
}

/** Whether a value is a stream that can be read. */
export const isReadable = (value: unknown): value is NodeJS.ReadableStream => value instanceof Readable
