import type { Backend } from "../domain/Backend.ts"
import type { Engine } from "./Engine.ts"
import { engine as embedded } from "./embedded/engine.ts"
import { engine as llamacpp } from "./llamacpp/engine.ts"
import { engine as sglang } from "./sglang/engine.ts"
import { engine as tensorrt } from "./tensorrt/engine.ts"
import { engine as vllm } from "./vllm/engine.ts"

const engines: ReadonlyMap<Backend, Engine> = new Map([
  ["vllm", vllm],
  ["tensorrt", tensorrt],
  ["sglang", sglang],
  ["embedded", embedded],
  ["llamacpp", llamacpp],
])

/** The description of a backend's engine; null where this build has no adapter for it. */
export const byBackend = (backend: Backend): Engine | null => engines.get(backend) ?? null

/** The backends that this build can drive. */
export const available: ReadonlyArray<Backend> = [...engines.keys()]
