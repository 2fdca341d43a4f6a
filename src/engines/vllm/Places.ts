import type { CommandLine } from "../Flags.ts"
import { body, cannot, flag, ofAdapters, ofRequests, type Places } from "../Places.ts"
import { elsewhere, own, secret, unreachable, withEachRequest } from "../Refused.ts"

const noBeams = "beams come unstreamed and with the tokens of all of them counted together; llem measures none"

/**
 * Where fields go in vLLM 0.18 and later. A key of vllm.engine that is not here is a flag of its own name, one of
 * vllm.sampling a field of every request.
 */
export const places: Places = {
  precision: flag("dtype"),
  random_seed: flag("seed"),
  max_input_tokens: body("truncate_prompt_tokens"),
  ...ofRequests,
  "lora.adapter_path": flag("lora-modules"),
  ...ofAdapters,
  "vllm.engine.gpu_memory_utilization": flag("gpu-memory-utilization"),
  // Gone with the old engine, whose swapped-out requests are computed anew by today's.
  "vllm.engine.swap_space": cannot("it has no CPU swap any more; leave swap_space out", 0),
  "vllm.engine.cpu_offload_gb": flag("cpu-offload-gb"),
  "vllm.engine.block_size": flag("block-size"),
  "vllm.engine.kv_cache_dtype": flag("kv-cache-dtype"),
  "vllm.engine.enforce_eager": flag("enforce-eager"),
  "vllm.engine.enable_chunked_prefill": flag("enable-chunked-prefill"),
  "vllm.engine.max_num_seqs": flag("max-num-seqs"),
  "vllm.engine.max_num_batched_tokens": flag("max-num-batched-tokens"),
  "vllm.engine.max_model_len": flag("max-model-len"),
  "vllm.engine.tensor_parallel_size": flag("tensor-parallel-size"),
  "vllm.engine.pipeline_parallel_size": flag("pipeline-parallel-size"),
  "vllm.engine.enable_prefix_caching": flag("enable-prefix-caching"),
  "vllm.engine.quantization": flag("quantization"),
  "vllm.engine.speculative_model": flag("speculative-config"),
  "vllm.engine.num_speculative_tokens": flag("speculative-config"),
  "vllm.engine.kv_cache_memory_bytes": flag("kv-cache-memory-bytes"),
  "vllm.engine.compilation_config": flag("compilation-config"),
  "vllm.engine.attention": flag("attention-config"),
  "vllm.sampling.max_tokens": body("max_tokens"),
  "vllm.sampling.min_tokens": body("min_tokens"),
  "vllm.sampling.presence_penalty": body("presence_penalty"),
  "vllm.sampling.frequency_penalty": body("frequency_penalty"),
  "vllm.sampling.ignore_eos": body("ignore_eos"),
  "vllm.sampling.n": cannot("outputs of one prompt cannot be told apart in its stream; ask for more requests", 1),
  "vllm.beam_search.beam_width": cannot(noBeams),
  "vllm.beam_search.length_penalty": cannot(noBeams),
  "vllm.beam_search.early_stopping": cannot(noBeams),
  "vllm.beam_search.max_tokens": cannot(noBeams),
}

/** The command line of `vllm serve`. */
export const commandLine: CommandLine = {
  program: "vLLM",
  longNames: {
    tp: "tensor-parallel-size",
    pp: "pipeline-parallel-size",
    dp: "data-parallel-size",
    q: "quantization",
    "model-tag": "model",
  },
  reserved: {
    model: own,
    "served-model-name": own,
    host: own,
    port: own,
    uds: unreachable,
    "root-path": unreachable,
    headless: unreachable,
    "api-key": unreachable,
    "ssl-keyfile": unreachable,
    "ssl-certfile": unreachable,
    "ssl-ca-certs": unreachable,
    grpc: unreachable,
    task: unreachable,
    runner: unreachable,
    convert: unreachable,
    config: "write the options themselves here",
    "hf-token": secret,
    "download-dir": "the model is on this node already",
    seed: elsewhere("random_seed"),
    dtype: elsewhere("precision"),
    "lora-modules": elsewhere("lora.adapter_path"),
    "enable-lora": elsewhere("lora.adapter_path"),
    "swap-space": "vLLM has no CPU swap any more",
    "speculative-model": elsewhere("vllm.engine.speculative_model"),
    "num-speculative-tokens": elsewhere("vllm.engine.num_speculative_tokens"),
  },
  jsonLists: new Set(["allowed-origins", "allowed-methods", "allowed-headers"]),
  opposites: "all",
}

/** Fields of requests that vllm.sampling may not set, and why. */
export const reservedFields: Readonly<Record<string, string>> = {
  model: own,
  prompt: own,
  prompt_embeds: own,
  stream: own,
  stream_options: own,
  stream_interval: "vLLM's streaming interval is the flag vllm.engine.stream_interval",
  return_token_ids: own,
  echo: unreachable,
  seed: elsewhere("random_seed"),
  truncate_prompt_tokens: elsewhere("max_input_tokens"),
  temperature: withEachRequest,
  top_k: withEachRequest,
  top_p: withEachRequest,
  min_p: withEachRequest,
  repetition_penalty: withEachRequest,
  best_of: "outputs of one prompt cannot be told apart in its stream",
  use_beam_search: noBeams,
}
