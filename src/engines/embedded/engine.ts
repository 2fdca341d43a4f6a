import { Result } from "effect"
import type { Experiment } from "../../domain/Experiment.ts"
import type { Engine, EngineLaunch, Unsupported } from "../Engine.ts"
import * as GgufModel from "../GgufModel.ts"
import * as Lengths from "../Lengths.ts"
import { refuse } from "../Refused.ts"
import * as Sampling from "../Sampling.ts"
import * as Served from "../Served.ts"
import { toArgv } from "./Arguments.ts"

/** LLAMA_MAX_SEQ of llama.cpp. */
const maximumSequences = 256
/** GGML_MAX_N_THREADS of llama.cpp: beyond it the process is aborted. */
const maximumThreads = 512

const batchSize = (experiment: Experiment): number =>
  experiment.embedded?.batch_size ?? experiment.load.concurrency ?? 1

const gpuLayers = (experiment: Experiment): number => experiment.embedded?.gpu_layers ?? 0

/** GPUs and layers on them go together. */
const deviceProblems = (experiment: Experiment): ReadonlyArray<Unsupported> => {
  const none = Served.hasNoDevice(experiment)
  if (experiment.devices === undefined) return []
  return gpuLayers(experiment) > 0
    ? refuse(none, "devices", "embedded.gpu_layers asks for a GPU, and none is left for it")
    : refuse(!none, "devices", "it computes on the CPU only, unless embedded.gpu_layers puts layers on a GPU")
}

const unsupported = (experiment: Experiment): ReadonlyArray<Unsupported> => {
  const { embedded } = experiment
  return [
    ...GgufModel.problems(experiment.model),
    ...refuse(experiment.precision !== null, "precision", "it runs the file's own weight format; leave precision out"),
    ...refuse(experiment.lora !== undefined, "lora", "it loads no adapters"),
    ...refuse(experiment.passthrough_kwargs !== undefined, "passthrough_kwargs", "it has nothing to pass them to"),
    ...refuse(
      (embedded?.threads ?? 1) > maximumThreads,
      "embedded.threads",
      `it works with at most ${maximumThreads} threads, not ${embedded?.threads}`,
    ),
    ...Lengths.contextProblems(experiment, "embedded.context_size", embedded?.context_size),
    ...Lengths.leastProblems(experiment, "decoder.min_new_tokens", experiment.decoder.min_new_tokens),
    ...refuse(
      batchSize(experiment) > maximumSequences,
      experiment.load.concurrency === batchSize(experiment) ? "load.concurrency" : "embedded.batch_size",
      `it works on at most ${maximumSequences} sequences at once, not ${batchSize(experiment)}`,
    ),
    ...deviceProblems(experiment),
  ]
}

const contextPerSequence = (experiment: Experiment): number =>
  experiment.embedded?.context_size ?? Lengths.contextPerSequence(experiment)

const exactLengths = (experiment: Experiment): boolean =>
  experiment.embedded?.ignore_eos ?? Lengths.exactByDefault(experiment)

const launch: Engine["launch"] = (experiment, model) => {
  const problems = unsupported(experiment)
  if (problems.length > 0) return Result.fail(problems)
  const value: EngineLaunch = {
    backend: "embedded",
    program: { kind: "self" },
    argv: toArgv({
      modelPath: model.path,
      servedModel: Served.servedModel,
      host: "{host}",
      port: "{port}",
      slots: batchSize(experiment),
      contextPerSequence: contextPerSequence(experiment),
      prefillChunk: experiment.embedded?.prefill_chunk ?? 512,
      prefixCache: experiment.embedded?.prefix_caching ?? false,
      threads: experiment.embedded?.threads ?? null,
      mmap: experiment.embedded?.mmap ?? true,
      libraries: "{libraries}",
      gpuLayers: gpuLayers(experiment),
      variantFolder: gpuLayers(experiment) > 0 ? "{variant}" : null,
      followParent: true,
    }),
    // Neither library nor runtime may start a debugger or call home when the engine crashes.
    env: { GGML_NO_BACKTRACE: "1", BUN_ENABLE_CRASH_REPORTING: "0" },
    mounts: [{ hostPath: model.path, readOnly: true }],
    secretNames: [],
    libraryFolders: model.engineFolders,
    container: { command: null, shmBytes: null, ipc: "private", ulimits: [], anyUser: true, writable: [] },
    readinessPath: "/health",
    infoPath: "/props",
    resetPath: "/reset_prefix_cache",
    servedModel: Served.servedModel,
  }
  return Result.succeed(value)
}

const encode: Engine["encode"] = (experiment, launched, request) => {
  const { decoder } = experiment
  const sampled = Sampling.isSampled(experiment)
  return {
    path: "/v1/completions",
    headers: {},
    body: JSON.stringify({
      model: launched.servedModel,
      prompt: request.prompt,
      max_tokens: request.maxOutputTokens,
      ignore_eos: exactLengths(experiment),
      temperature: sampled ? decoder.temperature : 0,
      ...(sampled ? { top_k: decoder.top_k, top_p: decoder.top_p, min_p: decoder.min_p } : {}),
      ...(decoder.repetition_penalty === 1 ? {} : { repetition_penalty: decoder.repetition_penalty }),
      min_tokens: decoder.min_new_tokens,
      seed: Sampling.seedOf(experiment, request),
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      return_token_ids: true,
    }),
  }
}

/** The llama.cpp inside this binary, as an engine like every other. */
export const engine: Engine = {
  backend: "embedded",
  unsupported,
  files: () => [],
  launch,
  encode,
  exactLengths,
  batchSize,
}
