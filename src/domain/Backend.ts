import { Schema } from "effect"

/** The inference engines that a study file can name. */
export const Backend = Schema.Literals(["pytorch", "vllm", "tensorrt", "sglang", "llamacpp", "embedded", "endpoint"])
export type Backend = typeof Backend.Type

/** All backends, in the order in which help and errors list them. */
export const all: ReadonlyArray<Backend> = Backend.literals

/** Whether a name is a backend. */
export const isBackend = Schema.is(Backend)
