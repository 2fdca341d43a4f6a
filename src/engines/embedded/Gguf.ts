import { Result, Schema } from "effect"
import { fileTypes, tensorTypes } from "./GgufTypes.ts"

/** Why a file is not a GGUF that can be loaded. `needMore` asks for a longer prefix of the file. */
export class GgufProblem extends Schema.TaggedError<GgufProblem>()("GgufProblem", {
  kind: Schema.Literals(["not_gguf", "version", "truncated", "malformed"]),
  message: Schema.String,
}) {}

export type MetadataValue = string | number | boolean

/** What the header of a GGUF file says. */
export interface GgufHeader {
  readonly version: number
  readonly metadata: ReadonlyMap<string, MetadataValue>
  /** Lengths of the metadata's arrays. */
  readonly arrayLengths: ReadonlyMap<string, number>
  /** Bytes of the longest text in each of the metadata's arrays of texts. */
  readonly longestTexts: ReadonlyMap<string, number>
  readonly tensorCount: number
  readonly parameters: number
  /** Parameters outside the token embedding and the output projection. */
  readonly nonEmbeddingParameters: number
  /** Bytes that the file must have for its last tensor to be whole. */
  readonly expectedBytes: number
}

/** Thrown inside the parser when the bytes at hand end before the header does. */
class NeedMore extends Error {}

const maximumCount = 1_000_000
const maximumString = 1 << 26
const maximumArray = 1 << 28

class Reader {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  skip(size: number): number {
    const at = this.offset
    if (at + size > this.#bytes.length) throw new NeedMore()
    this.offset = at + size
    return at
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true)
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.skip(8), true))
  }

  text(): string {
    const length = this.u64()
    if (length > maximumString) throw malformed(`a string of ${length} bytes`)
    const at = this.skip(length)
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length))
  }

  scalar(valueType: number): MetadataValue {
    const view = this.#view
    switch (valueType) {
      case 0:
        return view.getUint8(this.skip(1))
      case 1:
        return view.getInt8(this.skip(1))
      case 2:
        return view.getUint16(this.skip(2), true)
      case 3:
        return view.getInt16(this.skip(2), true)
      case 4:
        return view.getUint32(this.skip(4), true)
      case 5:
        return view.getInt32(this.skip(4), true)
      case 6:
        return view.getFloat32(this.skip(4), true)
      case 7:
        return view.getUint8(this.skip(1)) !== 0
      case 8:
        return this.text()
      case 10:
        return Number(view.getBigUint64(this.skip(8), true))
      case 11:
        return Number(view.getBigInt64(this.skip(8), true))
      case 12:
        return view.getFloat64(this.skip(8), true)
      default:
        throw malformed(`metadata of unknown type ${valueType}`)
    }
  }
}

const scalarBytes: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
])

const malformed = (what: string): GgufProblem =>
  new GgufProblem({ kind: "malformed", message: `its header is damaged: ${what}` })

const skipArray = (reader: Reader): { readonly length: number; readonly longestText: number } => {
  const elementType = reader.u32()
  const length = reader.u64()
  if (length > maximumArray) throw malformed(`an array of ${length} values`)
  if (elementType === 8) {
    let longestText = 0
    for (let index = 0; index < length; index++) {
      const bytes = reader.u64()
      longestText = Math.max(longestText, bytes)
      reader.skip(bytes)
    }
    return { length, longestText }
  }
  const size = scalarBytes.get(elementType)
  if (size === undefined) throw malformed(`an array of unknown type ${elementType}`)
  reader.skip(size * length)
  return { length, longestText: 0 }
}

const readHeader = (reader: Reader): GgufHeader => {
  if (reader.u32() !== 0x46554747)
    throw new GgufProblem({ kind: "not_gguf", message: "it does not begin with the GGUF signature" })
  const version = reader.u32()
  if (version < 2 || version > 3)
    throw new GgufProblem({ kind: "version", message: `it has GGUF version ${version}; versions 2 and 3 can be read` })
  const tensorCount = reader.u64()
  const metadataCount = reader.u64()
  if (tensorCount > maximumCount || metadataCount > maximumCount)
    throw malformed(`${tensorCount} tensors and ${metadataCount} metadata entries`)
  const metadata = new Map<string, MetadataValue>()
  const arrayLengths = new Map<string, number>()
  const longestTexts = new Map<string, number>()
  for (let index = 0; index < metadataCount; index++) {
    const key = reader.text()
    const valueType = reader.u32()
    if (valueType === 9) {
      const { length, longestText } = skipArray(reader)
      arrayLengths.set(key, length)
      longestTexts.set(key, longestText)
    } else metadata.set(key, reader.scalar(valueType))
  }
  let parameters = 0
  let embedding = 0
  let dataBytes = 0
  for (let index = 0; index < tensorCount; index++) {
    const name = reader.text()
    const dimensions = reader.u32()
    if (dimensions > 8) throw malformed(`a tensor of ${dimensions} dimensions`)
    let values = 1
    for (let dimension = 0; dimension < dimensions; dimension++) values *= reader.u64()
    const tensorType = tensorTypes.get(reader.u32())
    const offset = reader.u64()
    parameters += values
    if (name === "token_embd.weight" || name === "output.weight") embedding += values
    if (tensorType !== undefined)
      dataBytes = Math.max(dataBytes, offset + (values / tensorType.blockValues) * tensorType.blockBytes)
  }
  const alignment = metadata.get("general.alignment")
  const step = typeof alignment === "number" && alignment > 0 ? alignment : 32
  return {
    version,
    metadata,
    arrayLengths,
    longestTexts,
    tensorCount,
    parameters,
    nonEmbeddingParameters: parameters - embedding,
    expectedBytes: Math.ceil(reader.offset / step) * step + dataBytes,
  }
}

/**
 * Parses the header from a prefix of the file. `needMore` means that the header is longer than the prefix; with the
 * whole file at hand that is a truncated file.
 */
export const parse = (prefix: Uint8Array): Result.Result<GgufHeader | "needMore", GgufProblem> => {
  try {
    return Result.succeed(readHeader(new Reader(prefix)))
  } catch (cause) {
    if (cause instanceof NeedMore) return Result.succeed("needMore")
    if (cause instanceof GgufProblem) return Result.fail(cause)
    return Result.fail(malformed(String(cause)))
  }
}

const text = (header: GgufHeader, key: string): string | null => {
  const value = header.metadata.get(key)
  return typeof value === "string" ? value : null
}

const number = (header: GgufHeader, key: string): number | null => {
  const value = header.metadata.get(key)
  return typeof value === "number" ? value : null
}

/** Shape of the model: what requests, FLOPs and the result need. */
export const weights = (header: GgufHeader) => {
  const architecture = text(header, "general.architecture") ?? "unknown"
  const fileType = number(header, "general.file_type")
  return {
    architecture,
    name: text(header, "general.name") ?? architecture,
    format: (fileType === null ? undefined : fileTypes.get(fileType)) ?? `file type ${fileType ?? "unknown"}`,
    parameters: header.parameters,
    nonEmbeddingParameters: header.nonEmbeddingParameters,
    vocabularySize: header.arrayLengths.get("tokenizer.ggml.tokens") ?? 0,
    contextLength: number(header, `${architecture}.context_length`) ?? 0,
  }
}

/** Layers that can be put on a GPU: the blocks, and the output after them; unbounded where the file does not tell. */
export const layers = (header: GgufHeader): number =>
  (number(header, `${text(header, "general.architecture")}.block_count`) ?? Number.POSITIVE_INFINITY) + 1

/** UTF-16 units that no token's text is longer than. */
export const longestToken = (header: GgufHeader): number => header.longestTexts.get("tokenizer.ggml.tokens") ?? 0

/** What chats need: the model's own template, and the tokens that begin and end a text. */
export const chat = (header: GgufHeader) => ({
  template: text(header, "tokenizer.chat_template"),
  bosToken: number(header, "tokenizer.ggml.bos_token_id"),
  eosToken: number(header, "tokenizer.ggml.eos_token_id"),
})
