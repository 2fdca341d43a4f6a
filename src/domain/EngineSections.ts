import { Schema } from "effect"
import { between, described, intAtLeast, numberAtLeast, optional } from "./Fields.ts"

/** Unknown keys of an engine's section are passed through to the engine. */
const open = <F extends Schema.Struct.Fields>(fields: F) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])

export const PytorchSection = open({
  batch_size: optional(described(intAtLeast(1), "Requests per static batch")),
  attn_implementation: optional(
    described(Schema.Literals(["sdpa", "flash_attention_2", "flash_attention_3", "eager"]), "Attention kernel"),
  ),
  torch_compile: optional(described(Schema.Boolean, "Compile the model with torch.compile")),
  torch_compile_mode: optional(described(Schema.NonEmptyString, "Mode of torch.compile")),
  torch_compile_backend: optional(described(Schema.NonEmptyString, "Backend of torch.compile")),
  load_in_4bit: optional(described(Schema.Boolean, "Quantise weights to 4 bits on load (bitsandbytes)")),
  load_in_8bit: optional(described(Schema.Boolean, "Quantise weights to 8 bits on load (bitsandbytes)")),
  bnb_4bit_compute_dtype: optional(described(Schema.NonEmptyString, "Number format of computation with 4-bit weights")),
  bnb_4bit_quant_type: optional(described(Schema.NonEmptyString, "4-bit format: nf4 or fp4")),
  bnb_4bit_use_double_quant: optional(described(Schema.Boolean, "Quantise the quantisation constants too")),
  use_cache: optional(described(Schema.Boolean, "Keep the KV cache")),
  cache_implementation: optional(
    described(Schema.Literals(["static", "offloaded_static", "sliding_window"]), "Kind of KV cache"),
  ),
  num_beams: optional(described(intAtLeast(1), "Beams of beam search; 1 is off")),
  early_stopping: optional(described(Schema.Boolean, "End beam search as soon as enough beams are complete")),
  length_penalty: optional(described(Schema.Finite, "Beam search: above 0 favours long outputs")),
  no_repeat_ngram_size: optional(described(intAtLeast(0), "No n-gram of this size twice; 0 is off")),
  prompt_lookup_num_tokens: optional(described(intAtLeast(1), "Tokens drafted by prompt lookup")),
  device_map: optional(described(Schema.Unknown, "Placement of layers on devices")),
  max_memory: optional(described(Schema.Record(Schema.String, Schema.Unknown), "Most memory per device")),
  revision: optional(described(Schema.NonEmptyString, "Revision of the model on Hugging Face")),
  trust_remote_code: optional(described(Schema.Boolean, "Run the model repository's own code")),
  num_processes: optional(described(intAtLeast(1), "Processes to run the model in")),
})

export const VllmSection = Schema.Struct({
  engine: optional(
    open({
      gpu_memory_utilization: optional(described(between(0, 1), "Share of GPU memory to take")),
      swap_space: optional(described(numberAtLeast(0), "CPU swap per GPU, GiB")),
      cpu_offload_gb: optional(described(numberAtLeast(0), "Weights kept in CPU memory, GiB")),
      block_size: optional(described(Schema.Literals([8, 16, 32]), "Tokens per KV cache block")),
      kv_cache_dtype: optional(
        described(Schema.Literals(["auto", "fp8", "fp8_e5m2", "fp8_e4m3"]), "Number format of the KV cache"),
      ),
      enforce_eager: optional(described(Schema.Boolean, "No CUDA graphs")),
      enable_chunked_prefill: optional(described(Schema.Boolean, "Split long prompts into chunks")),
      max_num_seqs: optional(described(intAtLeast(1), "Requests per batch")),
      max_num_batched_tokens: optional(described(intAtLeast(1), "Tokens per step")),
      max_model_len: optional(described(intAtLeast(1), "Context length, tokens")),
      tensor_parallel_size: optional(described(intAtLeast(1), "GPUs that share each layer")),
      pipeline_parallel_size: optional(described(intAtLeast(1), "GPUs in a row, each with some layers")),
      enable_prefix_caching: optional(described(Schema.Boolean, "Reuse the KV cache of common prefixes")),
      quantization: optional(described(Schema.NonEmptyString, "Weight quantisation method")),
      speculative_model: optional(described(Schema.NonEmptyString, "Draft model")),
      num_speculative_tokens: optional(described(intAtLeast(1), "Tokens drafted per step")),
      kv_cache_memory_bytes: optional(described(intAtLeast(1), "Size of the KV cache, bytes")),
      compilation_config: optional(described(Schema.Unknown, "vLLM's compilation settings")),
      attention: optional(
        open({
          backend: optional(described(Schema.NonEmptyString, "Attention kernel")),
          flash_attn_version: optional(described(intAtLeast(1), "FlashAttention version")),
          use_prefill_decode_attention: optional(described(Schema.Boolean, "Separate kernels for prefill and decode")),
        }),
      ),
    }),
  ),
  sampling: optional(
    open({
      max_tokens: optional(described(intAtLeast(1), "Most tokens generated per request")),
      min_tokens: optional(described(intAtLeast(0), "Fewest tokens generated per request")),
      presence_penalty: optional(described(between(-2, 2), "Penalty on tokens that appeared; 0 is off")),
      frequency_penalty: optional(described(between(-2, 2), "Penalty by how often tokens appeared; 0 is off")),
      ignore_eos: optional(described(Schema.Boolean, "Generate on past the end of text")),
      n: optional(described(intAtLeast(1), "Outputs per prompt")),
    }),
  ),
  beam_search: optional(
    open({
      beam_width: optional(described(intAtLeast(1), "Beams")),
      length_penalty: optional(described(Schema.Finite, "Above 0 favours long outputs")),
      early_stopping: optional(described(Schema.Boolean, "End as soon as enough beams are complete")),
      max_tokens: optional(described(intAtLeast(1), "Most tokens generated per request")),
    }),
  ),
})

export const TensorrtSection = open({
  max_batch_size: optional(described(intAtLeast(1), "Requests per batch")),
  tp_size: optional(described(intAtLeast(1), "GPUs that share each layer")),
  quantization: optional(described(Schema.Literals(["int8_sq", "int4_awq", "fp8"]), "Weight quantisation method")),
  engine_path: optional(described(Schema.NonEmptyString, "An engine that is already built")),
  ignore_eos: optional(described(Schema.Boolean, "Generate on past the end of text")),
})

export const SglangSection = open({
  max_running_requests: optional(described(intAtLeast(1), "Requests per batch")),
  tp_size: optional(described(intAtLeast(1), "GPUs that share each layer")),
  ignore_eos: optional(described(Schema.Boolean, "Generate on past the end of text")),
})

export const LlamacppSection = open({
  parallel: optional(described(intAtLeast(1), "Requests per batch")),
  gpu_layers: optional(described(intAtLeast(0), "Layers on the GPU")),
  threads: optional(described(intAtLeast(1), "CPU threads")),
  context_size: optional(described(intAtLeast(1), "Context length of each request, tokens")),
  prefill_chunk: optional(described(intAtLeast(1), "Prompt tokens per step")),
  ignore_eos: optional(described(Schema.Boolean, "Generate on past the end of text")),
})
export type LlamacppSection = typeof LlamacppSection.Type

export const EmbeddedSection = Schema.Struct({
  batch_size: optional(described(intAtLeast(1), "Requests per static batch")),
  threads: optional(described(intAtLeast(1), "CPU threads")),
  context_size: optional(described(intAtLeast(16), "Context length, tokens")),
  prefill_chunk: optional(described(intAtLeast(1), "Prompt tokens per step")),
  prefix_caching: optional(described(Schema.Boolean, "Keep what prompts have in common; default false")),
  gpu_layers: optional(
    described(intAtLeast(0), "Layers on the GPU; above 0 needs a build for it in LLEM_EMBEDDED_DIR; default 0"),
  ),
  mmap: optional(described(Schema.Boolean, "Map the weights from the file instead of reading them")),
  ignore_eos: optional(described(Schema.Boolean, "Generate on past the end of text")),
})
export type EmbeddedSection = typeof EmbeddedSection.Type

export const EndpointSection = Schema.Struct({
  url: described(Schema.NonEmptyString, "Base URL of an OpenAI-compatible server"),
  model: optional(described(Schema.NonEmptyString, "Name that the server knows the model by")),
  api_key_env: optional(described(Schema.NonEmptyString, "Environment variable that holds the API key")),
})
