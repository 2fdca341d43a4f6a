import type { Quantisation, Shape, SyntheticModel } from "./SyntheticShape.ts"
import * as Vocabulary from "./SyntheticVocabulary.ts"
import { filler } from "./SyntheticWeights.ts"

const seed = 1234
const alignment = 32
const u32Type = 4
const i32Type = 5
const f32Type = 6
const boolType = 7
const stringType = 8
const arrayType = 9
const tensorTypeNumber = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8 } as const
const fileTypeNumber = { F16: 1, Q4_0: 2, Q8_0: 7 } as const

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment
const utf8 = new TextEncoder()

/** A growing little-endian buffer. */
class Writer {
  #bytes = new Uint8Array(1 << 16)
  #view = new DataView(this.#bytes.buffer)
  length = 0

  #room(size: number): number {
    const at = this.length
    if (at + size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + size))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.length = at + size
    return at
  }

  u8(value: number): this {
    const at = this.#room(1)
    this.#view.setUint8(at, value)
    return this
  }

  u32(value: number): this {
    const at = this.#room(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  u64(value: number): this {
    const at = this.#room(8)
    this.#view.setBigUint64(at, BigInt(value), true)
    return this
  }

  f32(value: number): this {
    const at = this.#room(4)
    this.#view.setFloat32(at, value, true)
    return this
  }

  text(value: string): this {
    const encoded = utf8.encode(value)
    this.u64(encoded.length)
    const at = this.#room(encoded.length)
    this.#bytes.set(encoded, at)
    return this
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }
}

interface Tensor {
  readonly name: string
  readonly dimensions: ReadonlyArray<number>
  readonly kind: keyof typeof tensorTypeNumber
  readonly bytes: number
  readonly sigma: number
}

const matrixBytes = (quantisation: Quantisation, values: number): number =>
  quantisation === "F16" ? values * 2 : (values / 32) * (quantisation === "Q8_0" ? 34 : 18)

const tensorsOf = (shape: Shape, quantisation: Quantisation): ReadonlyArray<Tensor> => {
  const matrix = (name: string, rowLength: number, rows: number, sigma = 1 / Math.sqrt(rowLength)): Tensor => ({
    name,
    dimensions: [rowLength, rows],
    kind: quantisation,
    bytes: matrixBytes(quantisation, rowLength * rows),
    sigma,
  })
  const ones = (name: string): Tensor => ({
    name,
    dimensions: [shape.width],
    kind: "F32",
    bytes: shape.width * 4,
    sigma: 0,
  })
  const { width, feedForward, vocabularySize } = shape
  const keyValueWidth = (width / shape.heads) * shape.keyValueHeads
  const layer = (index: number): ReadonlyArray<Tensor> => {
    const name = (part: string) => `blk.${index}.${part}.weight`
    return [
      ones(name("attn_norm")),
      matrix(name("attn_q"), width, width),
      matrix(name("attn_k"), width, keyValueWidth),
      matrix(name("attn_v"), width, keyValueWidth),
      matrix(name("attn_output"), width, width),
      ones(name("ffn_norm")),
      matrix(name("ffn_gate"), width, feedForward),
      matrix(name("ffn_up"), width, feedForward),
      matrix(name("ffn_down"), feedForward, width),
    ]
  }
  return [
    matrix("token_embd.weight", width, vocabularySize, shape.tied ? undefined : 1),
    ...Array.from({ length: shape.layers }, (_, index) => layer(index)).flat(),
    ones("output_norm.weight"),
    ...(shape.tied ? [] : [matrix("output.weight", width, vocabularySize)]),
  ]
}

const metadata = (shape: Shape, quantisation: Quantisation): { readonly count: number; readonly bytes: Uint8Array } => {
  const out = new Writer()
  let count = 0
  const entry = (key: string, valueType: number): Writer => {
    count++
    return out.text(key).u32(valueType)
  }
  const integer = (key: string, value: number) => entry(key, u32Type).u32(value)
  const array = (key: string, elementType: number, length: number) => entry(key, arrayType).u32(elementType).u64(length)
  entry("general.architecture", stringType).text("llama")
  entry("general.name", stringType).text(`${shape.name}-${quantisation}`)
  integer("general.file_type", fileTypeNumber[quantisation])
  integer("general.quantization_version", 2)
  integer("llama.context_length", shape.contextLength)
  integer("llama.embedding_length", shape.width)
  integer("llama.block_count", shape.layers)
  integer("llama.feed_forward_length", shape.feedForward)
  integer("llama.attention.head_count", shape.heads)
  integer("llama.attention.head_count_kv", shape.keyValueHeads)
  entry("llama.attention.layer_norm_rms_epsilon", f32Type).f32(1e-5)
  integer("llama.rope.dimension_count", shape.width / shape.heads)
  integer("llama.vocab_size", shape.vocabularySize)
  const vocabulary = Vocabulary.make(shape.vocabularySize)
  entry("tokenizer.ggml.model", stringType).text("llama")
  array("tokenizer.ggml.tokens", stringType, vocabulary.tokens.length)
  for (const token of vocabulary.tokens) out.text(token)
  array("tokenizer.ggml.scores", f32Type, vocabulary.scores.length)
  for (const score of vocabulary.scores) out.f32(score)
  array("tokenizer.ggml.token_type", i32Type, vocabulary.types.length)
  for (const tokenType of vocabulary.types) out.u32(tokenType)
  integer("tokenizer.ggml.bos_token_id", 1)
  integer("tokenizer.ggml.eos_token_id", 2)
  integer("tokenizer.ggml.unknown_token_id", 0)
  entry("tokenizer.ggml.add_bos_token", boolType).u8(1)
  entry("tokenizer.ggml.add_eos_token", boolType).u8(0)
  return { count, bytes: out.bytes() }
}

const tensorTable = (tensors: ReadonlyArray<Tensor>): Uint8Array => {
  const out = new Writer()
  let offset = 0
  for (const tensor of tensors) {
    out.text(tensor.name).u32(tensor.dimensions.length)
    for (const dimension of tensor.dimensions) out.u64(dimension)
    out.u32(tensorTypeNumber[tensor.kind]).u64(offset)
    offset += aligned(tensor.bytes)
  }
  return out.bytes()
}

const padding = (bytes: number): Uint8Array => new Uint8Array(aligned(bytes) - bytes)

/**
 * The bytes of a GGUF file (version 3) with seeded random weights, piece by piece: the same name gives the same bytes
 * on every machine.
 */
export function* chunks({ shape, quantisation }: SyntheticModel): Generator<Uint8Array> {
  const tensors = tensorsOf(shape, quantisation)
  const meta = metadata(shape, quantisation)
  const table = tensorTable(tensors)
  const head = new Writer().u32(0x46554747).u32(3).u64(tensors.length).u64(meta.count).bytes()
  yield head
  yield meta.bytes
  yield table
  yield padding(head.length + meta.bytes.length + table.length)
  const fill = filler(quantisation, seed)
  for (const [index, tensor] of tensors.entries()) {
    yield tensor.kind === "F32"
      ? new Uint8Array(new Float32Array(tensor.bytes / 4).fill(1).buffer)
      : fill(tensor.bytes, tensor.sigma, seed + 7919 * (index + 1))
    yield padding(tensor.bytes)
  }
}
