import type { Backend } from "../domain/Backend.ts"
import type { Experiment } from "../domain/Experiment.ts"
import type { Unsupported } from "./Engine.ts"

/** A name on the Hugging Face hub: `owner/name`, or the bare name of an old one. */
const hubId = /^[A-Za-z0-9][\w.-]*(?:\/[\w.-]+)?$/

const isGguf = (name: string): boolean => name.startsWith("synthetic:") || /\.gguf$/i.test(name)

/** The backends that load models in Hugging Face's format. */
export const ofFolders: ReadonlyArray<Backend> = ["vllm", "sglang", "tensorrt"]

/** The folder or hub id of a model in Hugging Face's format; null when it has no such form. */
export const hfOf = (model: Experiment["model"]): string | null => {
  if (typeof model !== "string") return model.hf ?? null
  return isGguf(model) ? null : model
}

/** Whether a name has the form of a hub id, which a relative folder may have too. */
export const isHubId = (name: string): boolean => hubId.test(name)

/** Where the hub's cache keeps a model. */
export const cacheName = (id: string): string => `models--${id.replaceAll("/", "--")}`

/** Why a model is none that an engine of Hugging Face models can run; empty when it is one. */
export const problems = (model: Experiment["model"]): ReadonlyArray<Unsupported> => {
  const name = hfOf(model)
  if (name !== null && !isGguf(name)) return []
  return [
    {
      field: "model",
      message: "it needs a model in Hugging Face's format (model: FOLDER or OWNER/NAME, or {hf: FOLDER or OWNER/NAME})",
    },
  ]
}

/** The revision of the model that an experiment names for its engine; null for the hub's default. */
export const revisionOf = ({ backend, vllm, sglang, tensorrt }: Experiment): string | null => {
  const named = { vllm: vllm?.engine, sglang, tensorrt }
  const section = backend === "vllm" || backend === "sglang" || backend === "tensorrt" ? named[backend] : undefined
  const revision = section?.["revision"]
  return typeof revision === "string" ? revision : null
}

/** Folder in which the hub's own tools keep models: in the user's cache, unless variables move it. */
export const hubDirectory = (
  variables: Readonly<Record<string, string | undefined>>,
  cacheDirectory: string,
): string => {
  const set = (name: string): string | null => variables[name] || null
  return set("HF_HUB_CACHE") ?? `${set("HF_HOME") ?? `${cacheDirectory}/huggingface`}/hub`
}
