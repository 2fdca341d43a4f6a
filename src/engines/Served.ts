import type { Experiment } from "../domain/Experiment.ts"
import type { WorkloadRequest } from "../domain/Request.ts"
import type { EngineLaunch, Mount, ResolvedModel, Unsupported } from "./Engine.ts"
import * as Lengths from "./Lengths.ts"
import { type Setting, type Sorted, sort } from "./Places.ts"
import { elsewhere, refuse } from "./Refused.ts"
import * as Sampling from "./Sampling.ts"

/** Name that requests carry, whatever the model is called. */
export const servedModel = "model"

/** Requests in flight when nothing says how many: the least of the servers' own limits. */
export const defaultBatch = 256

/** Variables that a server of a gated model may need. */
export const secretNames: ReadonlyArray<string> = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]

/** The model is on this node: no server asks the hub, and none reports home. */
export const environment: Readonly<Record<string, string>> = {
  HF_HUB_OFFLINE: "1",
  TRANSFORMERS_OFFLINE: "1",
  HF_DATASETS_OFFLINE: "1",
  DO_NOT_TRACK: "1",
}

/** Folders that compiled kernels are kept in: HOME is /tmp in every container. */
export const kernelCaches: EngineLaunch["container"]["writable"] = [
  { path: "/tmp/.cache", kept: true },
  { path: "/tmp/.triton", kept: true },
]

/** The number format's name in torch; null leaves it to the weights. */
export const dtypeOf = ({ precision }: Experiment): string | null =>
  precision === null ? null : { fp32: "float32", fp16: "float16", bf16: "bfloat16" }[precision]

/** A limit of the engine's own on output lengths can only say again what the experiment says. */
export const maxTokensProblems = (experiment: Experiment, field: string, value: unknown) =>
  refuse(
    value !== undefined && value !== Lengths.longest(experiment).output,
    field,
    `outputs have ${Lengths.longest(experiment).output} tokens at most; set max_output_tokens or dataset.output_len instead`,
  )

/** Another name of the batch size, which the load depends on. */
export const batchProblems = (settings: ReadonlyArray<Setting>, name: string, instead: string) =>
  settings.flatMap((setting) => refuse(setting.name.replaceAll("-", "_") === name, setting.field, elsewhere(instead)))

/** An adapter that is loaded from its folder, beside the weights. */
export const loraProblems = ({ lora }: Experiment): ReadonlyArray<Unsupported> => {
  if (lora === undefined) return []
  const path = lora.adapter_path
  return [
    ...refuse(
      lora.adapter_id !== undefined,
      "lora.adapter_id",
      "no engine downloads adapters; fetch it and give the folder as lora.adapter_path",
    ),
    ...refuse(
      path === undefined ? lora.adapter_id === undefined : !path.startsWith("/"),
      "lora.adapter_path",
      "it needs the absolute path of a folder",
    ),
    ...refuse(lora.merge_weights, "lora.merge_weights", "it applies adapters beside the weights and merges none"),
  ]
}

/** Whether the study leaves the engine no device. */
export const hasNoDevice = ({ devices }: Experiment): boolean => devices === "none" || devices?.length === 0

/** What a study hands on beside the engine's section, to where fields without a place go. */
export const further = ({ passthrough_kwargs }: Experiment, otherwise: "flag" | "file"): Sorted =>
  sort(passthrough_kwargs ?? {}, "passthrough_kwargs", {}, otherwise)

/** Fewer devices than parts of the model. */
export const deviceProblems = ({ devices }: Experiment, parts: number, field: string): ReadonlyArray<Unsupported> =>
  refuse(
    Array.isArray(devices) && devices.length > 0 && devices.length < parts,
    field,
    `it needs ${parts} devices, and devices names ${Array.isArray(devices) ? devices.length : 0}`,
  )

/** The model and further files, where the engine runs. */
export const mountsOf = (model: ResolvedModel, files: ReadonlyArray<string>): ReadonlyArray<Mount> =>
  [...new Set([model.folder ?? model.path, ...files])].map((hostPath) => ({ hostPath, readOnly: true }))

/** What requests to all of these servers have in common; `allTokens` is the top_k that leaves none out. */
export const requestBody = (
  experiment: Experiment,
  request: WorkloadRequest,
  how: { readonly model: string; readonly exact: boolean; readonly allTokens: number },
): Readonly<Record<string, unknown>> => {
  const { temperature, top_k, top_p, min_p, repetition_penalty, min_new_tokens } = experiment.decoder
  return {
    model: how.model,
    prompt: request.prompt,
    max_tokens: request.maxOutputTokens,
    ...(min_new_tokens === undefined ? {} : { min_tokens: min_new_tokens }),
    ignore_eos: how.exact,
    ...(Sampling.isSampled(experiment)
      ? { temperature, top_k: top_k === 0 ? how.allTokens : top_k, top_p, min_p: min_p ?? 0 }
      : { temperature: 0 }),
    ...(repetition_penalty === 1 ? {} : { repetition_penalty }),
    seed: Sampling.seedOf(experiment, request),
    stream: true,
    // The count of tokens so far in each chunk: a chunk is not a token.
    stream_options: { include_usage: true, continuous_usage_stats: true },
  }
}
