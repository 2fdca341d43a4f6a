import type { CommandLine } from "../Flags.ts"
import { body, cannot, flag, type Places } from "../Places.ts"

/** Where fields go in SGLang 0.5.18. A key of the section that is not here is a flag of its own name. */
export const places: Places = {
  precision: flag("dtype"),
  random_seed: flag("random-seed"),
  max_output_tokens: body("max_tokens"),
  "decoder.temperature": body("temperature"),
  "decoder.top_k": body("top_k"),
  "decoder.top_p": body("top_p"),
  "decoder.min_p": body("min_p"),
  "decoder.repetition_penalty": body("repetition_penalty"),
  "decoder.min_new_tokens": body("min_tokens"),
  "lora.adapter_path": flag("lora-paths"),
  "lora.adapter_id": cannot("no engine downloads adapters"),
  "lora.merge_weights": cannot("it applies adapters beside the weights and merges none", false),
  "sglang.max_running_requests": flag("max-running-requests"),
  "sglang.tp_size": flag("tp-size"),
  "sglang.ignore_eos": body("ignore_eos"),
}

const elsewhere = (where: string): string => `set ${where} instead`
const own = "llem sets it itself"
const unreachable = "llem could not reach or read the server then"

/** The command line of `sglang serve`. */
export const commandLine: CommandLine = {
  program: "SGLang",
  longNames: {
    model: "model-path",
    tp: "tp-size",
    "tensor-parallel-size": "tp-size",
    pp: "pp-size",
    "pipeline-parallel-size": "pp-size",
    dp: "dp-size",
    "data-parallel-size": "dp-size",
    ep: "ep-size",
    "expert-parallel-size": "ep-size",
  },
  reserved: {
    "model-path": own,
    "model-type": own,
    "served-model-name": own,
    host: own,
    port: own,
    "api-key": unreachable,
    "admin-api-key": unreachable,
    "ssl-keyfile": unreachable,
    "ssl-certfile": unreachable,
    "ssl-ca-certs": unreachable,
    "grpc-mode": unreachable,
    "smg-grpc-mode": unreachable,
    "is-embedding": unreachable,
    "skip-tokenizer-init": unreachable,
    config: "write the options themselves here",
    "download-dir": "the model is on this node already",
    "random-seed": elsewhere("random_seed"),
    dtype: elsewhere("precision"),
    "lora-paths": elsewhere("lora.adapter_path"),
    "enable-lora": elsewhere("lora.adapter_path"),
  },
  jsonLists: new Set(),
  opposites: new Set([
    "dcp-replicate-q-proj",
    "dllm-fdfo",
    "enable-tp-lm-head-all-to-all",
    "experts-shared-outer-loras",
    "lora-strict-loading",
  ]),
}
