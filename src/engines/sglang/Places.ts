import type { CommandLine } from "../Flags.ts"
import { body, flag, ofAdapters, ofRequests, type Places } from "../Places.ts"
import { elsewhere, own, unreachable } from "../Refused.ts"

/** Where fields go in SGLang 0.5.18. A key of the section that is not here is a flag of its own name. */
export const places: Places = {
  precision: flag("dtype"),
  random_seed: flag("random-seed"),
  ...ofRequests,
  "lora.adapter_path": flag("lora-paths"),
  ...ofAdapters,
  "sglang.max_running_requests": flag("max-running-requests"),
  "sglang.tp_size": flag("tp-size"),
  "sglang.ignore_eos": body("ignore_eos"),
}

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
