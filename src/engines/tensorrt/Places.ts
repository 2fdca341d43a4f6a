import { body, cannot, file, flag, ofRequests, type Places } from "../Places.ts"
import { elsewhere, own } from "../Refused.ts"

export const noAdapters = "its server takes adapters in a form of its own, which llem does not write"

/** Where fields go in TensorRT-LLM 1.2. A key of the section that is not here is an option of its LLM class. */
export const places: Places = {
  precision: file("dtype"),
  max_input_tokens: body("truncate_prompt_tokens"),
  ...ofRequests,
  lora: cannot(noAdapters),
  "tensorrt.max_batch_size": flag("max_batch_size"),
  "tensorrt.tp_size": flag("tp_size"),
  "tensorrt.quantization": cannot(
    "it is a property of the checkpoint; name one that is quantised as model and leave this out",
  ),
  "tensorrt.engine_path": flag("backend"),
  "tensorrt.ignore_eos": body("ignore_eos"),
}

/** Options of the LLM class that a study may not hand on, and why. */
export const reserved: Readonly<Record<string, string>> = {
  model: own,
  backend: elsewhere("tensorrt.engine_path, or nothing"),
  dtype: elsewhere("precision"),
  max_batch_size: elsewhere("tensorrt.max_batch_size"),
  tp_size: elsewhere("tensorrt.tp_size"),
  tensor_parallel_size: elsewhere("tensorrt.tp_size"),
  revision: "the model is on this node already",
  lora_config: noAdapters,
  skip_tokenizer_init: "llem could not read the server then",
  disagg_cluster: "llem could not reach the server then",
}
