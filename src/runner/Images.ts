import type { Backend } from "../domain/Backend.ts"
import { embeddedImage } from "../domain/OwnImage.ts"

const vllm = "vllm/vllm-openai:v0.18.2"

/**
 * The image of each backend where none is named, pinned by tag. vLLM's image brings torch and transformers, which is
 * all that the pytorch server needs; the embedded engine's image is made by llem from its own binary.
 */
const defaults: Readonly<Record<Backend, string | null>> = {
  pytorch: vllm,
  vllm,
  tensorrt: "nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc7",
  sglang: "lmsysorg/sglang:v0.5.18",
  llamacpp: "ghcr.io/ggml-org/llama.cpp:server-cuda-b10423",
  embedded: embeddedImage,
  endpoint: null,
}

/** The pinned default image of a backend; null for `endpoint`, which nothing of ours starts. */
export const defaultImage = (backend: Backend): string | null => defaults[backend]

/** Images that were named for backends: `LLEM_IMAGE_<BACKEND>`, the study file's, the user config's. */
export interface NamedImages {
  readonly env: Readonly<Partial<Record<Backend, string>>>
  readonly file: Readonly<Partial<Record<Backend, string>>>
  readonly userConfig: Readonly<Partial<Record<Backend, string>>>
}

/** The image of a backend: what the environment, the file or the user config names, in this order, else the default. */
export const imageOf = (backend: Backend, named: NamedImages): string | null =>
  named.env[backend] ?? named.file[backend] ?? named.userConfig[backend] ?? defaultImage(backend)
