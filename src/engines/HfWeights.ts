import { Option, Schema } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { WeightInfo } from "./Engine.ts"

const Tensor = Schema.Struct({ dtype: Schema.String, shape: Schema.Array(Schema.Int) })
const Header = Schema.Record(Schema.String, Schema.Unknown)
const Shape = Schema.Struct({
  vocab_size: Schema.optional(Schema.Int),
  max_position_embeddings: Schema.optional(Schema.Int),
})
const Config = Schema.Struct({
  architectures: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  model_type: Schema.optional(Schema.String),
  quantization_config: Schema.optional(Schema.Unknown),
  text_config: Schema.optional(Shape),
  ...Shape.fields,
})

/** What a model's `config.json` says of its shape. */
export type Config = typeof Config.Type

/** Reads a `config.json`; null when it is none. */
export const config = (text: string): Config | null =>
  Option.getOrNull(Schema.decodeOption(Schema.fromJsonString(Config))(text))

/** Ids of the tokenizer; null when the configuration does not tell. */
export const vocabularySize = ({ vocab_size, text_config }: Config): number | null =>
  vocab_size ?? text_config?.vocab_size ?? null

const isTensor = Schema.is(Tensor)
const decodeHeader = Schema.decodeUnknownOption(Header)

/** Tables that look tokens up or make logits of them: no part of a layer's computation. */
const embedding = /(?:^|\.)(?:embed_tokens|tok_embeddings|word_embeddings|wte|wpe|embed_in|embed_out|lm_head)\./

const formats = { fp32: "F32", fp16: "F16", bf16: "BF16" } as const

/**
 * Parameters and format from the headers of a model's safetensors files. Null for quantised weights, whose tensors
 * hold several parameters in one number, and for headers that say nothing. The format is that which the engine loads:
 * the experiment's precision, else that of most parameters.
 */
export const weights = (
  name: string,
  { precision }: Pick<Experiment, "precision">,
  shape: Config,
  headers: ReadonlyArray<unknown>,
): WeightInfo | null => {
  if ((shape.quantization_config ?? null) !== null) return null
  const tensors = headers.flatMap((header) =>
    Object.entries(Option.getOrElse(decodeHeader(header), () => ({}))).flatMap(([tensor, value]) =>
      isTensor(value)
        ? [{ tensor, dtype: value.dtype, parameters: value.shape.reduce((product, side) => product * side, 1) }]
        : [],
    ),
  )
  const sum = (some: typeof tensors): number => some.reduce((total, { parameters }) => total + parameters, 0)
  const byFormat = [...Map.groupBy(tensors, ({ dtype }) => dtype)].map(([dtype, some]) => [dtype, sum(some)] as const)
  const [most] = byFormat.toSorted((a, b) => b[1] - a[1])
  if (most === undefined) return null
  return {
    architecture: shape.architectures?.[0] ?? shape.model_type ?? "unknown",
    name,
    format: precision === null ? most[0] : formats[precision],
    parameters: sum(tensors),
    nonEmbeddingParameters: sum(tensors.filter(({ tensor }) => !embedding.test(tensor))),
    vocabularySize: vocabularySize(shape) ?? 0,
    contextLength: shape.max_position_embeddings ?? shape.text_config?.max_position_embeddings ?? 0,
  }
}
