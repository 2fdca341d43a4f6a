import { Schema } from "effect"
import { between, intAtLeast, numberAtLeast, optional } from "./Fields.ts"

/** Unknown keys of an engine's section are passed through to the engine. */
const open = <F extends Schema.Struct.Fields>(fields: F) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])

export const PytorchSection = open({
  batch_size: optional(intAtLeast(1)),
  attn_implementation: optional(Schema.Literals(["sdpa", "flash_attention_2", "flash_attention_3", "eager"])),
  torch_compile: optional(Schema.Boolean),
  torch_compile_mode: optional(Schema.NonEmptyString),
  torch_compile_backend: optional(Schema.NonEmptyString),
  load_in_4bit: optional(Schema.Boolean),
  load_in_8bit: optional(Schema.Boolean),
  bnb_4bit_compute_dtype: optional(Schema.NonEmptyString),
  bnb_4bit_quant_type: optional(Schema.NonEmptyString),
  bnb_4bit_use_double_quant: optional(Schema.Boolean),
  use_cache: optional(Schema.Boolean),
  cache_implementation: optional(Schema.Literals(["static", "offloaded_static", "sliding_window"])),
  num_beams: optional(intAtLeast(1)),
  early_stopping: optional(Schema.Boolean),
  length_penalty: optional(Schema.Finite),
  no_repeat_ngram_size: optional(intAtLeast(0)),
  prompt_lookup_num_tokens: optional(intAtLeast(1)),
  device_map: optional(Schema.Unknown),
  max_memory: optional(Schema.Record(Schema.String, Schema.Unknown)),
  revision: optional(Schema.NonEmptyString),
  trust_remote_code: optional(Schema.Boolean),
  num_processes: optional(intAtLeast(1)),
})

export const VllmSection = Schema.Struct({
  engine: optional(
    open({
      gpu_memory_utilization: optional(between(0, 1)),
      swap_space: optional(numberAtLeast(0)),
      cpu_offload_gb: optional(numberAtLeast(0)),
      block_size: optional(Schema.Literals([8, 16, 32])),
      kv_cache_dtype: optional(Schema.Literals(["auto", "fp8", "fp8_e5m2", "fp8_e4m3"])),
      enforce_eager: optional(Schema.Boolean),
      enable_chunked_prefill: optional(Schema.Boolean),
      max_num_seqs: optional(intAtLeast(1)),
      max_num_batched_tokens: optional(intAtLeast(1)),
      max_model_len: optional(intAtLeast(1)),
      tensor_parallel_size: optional(intAtLeast(1)),
      pipeline_parallel_size: optional(intAtLeast(1)),
      enable_prefix_caching: optional(Schema.Boolean),
      quantization: optional(Schema.NonEmptyString),
      speculative_model: optional(Schema.NonEmptyString),
      num_speculative_tokens: optional(intAtLeast(1)),
      kv_cache_memory_bytes: optional(intAtLeast(1)),
      compilation_config: optional(Schema.Unknown),
      attention: optional(
        open({
          backend: optional(Schema.NonEmptyString),
          flash_attn_version: optional(intAtLeast(1)),
          use_prefill_decode_attention: optional(Schema.Boolean),
        }),
      ),
    }),
  ),
  sampling: optional(
    open({
      max_tokens: optional(intAtLeast(1)),
      min_tokens: optional(intAtLeast(0)),
      presence_penalty: optional(between(-2, 2)),
      frequency_penalty: optional(between(-2, 2)),
      ignore_eos: optional(Schema.Boolean),
      n: optional(intAtLeast(1)),
    }),
  ),
  beam_search: optional(
    open({
      beam_width: optional(intAtLeast(1)),
      length_penalty: optional(Schema.Finite),
      early_stopping: optional(Schema.Boolean),
      max_tokens: optional(intAtLeast(1)),
    }),
  ),
})

export const TensorrtSection = open({
  max_batch_size: optional(intAtLeast(1)),
  tp_size: optional(intAtLeast(1)),
  quantization: optional(Schema.Literals(["int8_sq", "int4_awq", "fp8"])),
  engine_path: optional(Schema.NonEmptyString),
})

export const SglangSection = open({
  max_running_requests: optional(intAtLeast(1)),
  tp_size: optional(intAtLeast(1)),
})

export const LlamacppSection = open({
  parallel: optional(intAtLeast(1)),
  gpu_layers: optional(intAtLeast(0)),
  threads: optional(intAtLeast(1)),
  context_size: optional(intAtLeast(1)),
})

export const EmbeddedSection = Schema.Struct({
  batch_size: optional(intAtLeast(1)),
  threads: optional(intAtLeast(1)),
  context_size: optional(intAtLeast(16)),
  prefill_chunk: optional(intAtLeast(1)),
  gpu_layers: optional(intAtLeast(0)),
  mmap: optional(Schema.Boolean),
  ignore_eos: optional(Schema.Boolean),
})
export type EmbeddedSection = typeof EmbeddedSection.Type

export const EndpointSection = Schema.Struct({
  url: Schema.NonEmptyString,
  model: optional(Schema.NonEmptyString),
  api_key_env: optional(Schema.NonEmptyString),
})
