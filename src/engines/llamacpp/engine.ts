import { Result } from "effect"
import type { Experiment } from "../../domain/Experiment.ts"
import type { Engine, EngineLaunch, Mount, Unsupported } from "../Engine.ts"
import * as GgufModel from "../GgufModel.ts"
import * as Lengths from "../Lengths.ts"
import { refuse } from "../Refused.ts"
import * as Sampling from "../Sampling.ts"
import * as Served from "../Served.ts"
import * as Options from "./Options.ts"

/** LLAMA_MAX_SEQ of llama.cpp. */
const maximumSlots = 256

const batchSize = ({ llamacpp, load }: Experiment): number => llamacpp?.parallel ?? load.concurrency ?? 1

const exactLengths = (experiment: Experiment): boolean =>
  experiment.llamacpp?.ignore_eos ?? Lengths.exactByDefault(experiment)

/** What the section has beyond the fields that have a meaning of their own. */
const handedOn = ({ llamacpp }: Experiment): Readonly<Record<string, unknown>> => {
  const {
    parallel: _p,
    gpu_layers: _g,
    threads: _t,
    context_size: _c,
    prefill_chunk: _f,
    ignore_eos: _i,
    ...rest
  } = llamacpp ?? {}
  return rest
}

const loraProblems = ({ lora }: Experiment): ReadonlyArray<Unsupported> => {
  if (lora === undefined) return []
  const path = lora.adapter_path
  return [
    ...refuse(lora.adapter_id !== undefined, "lora.adapter_id", "it loads adapters from files; give lora.adapter_path"),
    ...refuse(
      path === undefined ? lora.adapter_id === undefined : !/^\/.+\.gguf$/i.test(path),
      "lora.adapter_path",
      "it needs the absolute path of a GGUF file",
    ),
    ...refuse(lora.merge_weights, "lora.merge_weights", "it applies adapters beside the weights and merges none"),
  ]
}

const deviceProblems = (experiment: Experiment): ReadonlyArray<Unsupported> =>
  refuse(
    Served.hasNoDevice(experiment) && (experiment.llamacpp?.gpu_layers ?? 0) > 0,
    "devices",
    "layers on a GPU (llamacpp.gpu_layers) need a device",
  )

/** Files that options name, with the fields that name them. */
const optionFiles = (experiment: Experiment): ReadonlyArray<readonly [field: string, path: string]> => [
  ...Options.files(Options.from(handedOn(experiment))).map(([name, path]) => [`llamacpp.${name}`, path] as const),
  ...Options.files(Options.from(experiment.passthrough_kwargs ?? {})).map(
    ([name, path]) => [`passthrough_kwargs.${name}`, path] as const,
  ),
]

const files: Engine["files"] = (experiment) => [
  ...(experiment.lora?.adapter_path === undefined ? [] : [experiment.lora.adapter_path]),
  ...optionFiles(experiment).map(([, path]) => path),
]

const unsupported = (experiment: Experiment): ReadonlyArray<Unsupported> => {
  const { decoder, passthrough_kwargs: further = {} } = experiment
  const options = Options.from(handedOn(experiment))
  return [
    ...GgufModel.problems(experiment.model),
    ...refuse(experiment.precision !== null, "precision", "it runs the file's own weight format; leave precision out"),
    ...refuse(decoder.min_new_tokens !== undefined, "decoder.min_new_tokens", "it has no minimum length"),
    ...loraProblems(experiment),
    ...deviceProblems(experiment),
    ...refuse(
      batchSize(experiment) > maximumSlots,
      experiment.load.concurrency === batchSize(experiment) ? "load.concurrency" : "llamacpp.parallel",
      `it works on at most ${maximumSlots} sequences at once, not ${batchSize(experiment)}`,
    ),
    ...optionFiles(experiment).flatMap(([field, path]) =>
      refuse(!path.startsWith("/"), field, "it needs the absolute path of a file"),
    ),
    ...Options.problems(handedOn(experiment), "llamacpp"),
    ...Options.problems(further, "passthrough_kwargs"),
    ...Object.keys(further).flatMap((key) =>
      refuse(options.has(Options.longName(key)), `passthrough_kwargs.${key}`, "the llamacpp section sets it already"),
    ),
  ]
}

/** Nothing of an earlier prompt is kept, and the network is left alone; a study may want it otherwise. */
const unlessGiven: Options.Options = new Map<string, Options.Option>([
  ["cache-prompt", false],
  ["cache-ram", 0],
  ["ctx-checkpoints", 0],
  ["metrics", true],
  ["offline", true],
  ["ui", false],
])

const given = (experiment: Experiment): Options.Options =>
  new Map([...unlessGiven, ...Options.from(experiment.passthrough_kwargs ?? {}), ...Options.from(handedOn(experiment))])

const optionsOf = (experiment: Experiment, modelPath: string): Options.Options => {
  const { llamacpp, lora } = experiment
  const slots = batchSize(experiment)
  const context = llamacpp?.context_size ?? Lengths.contextPerSequence(experiment)
  const noDevice = Served.hasNoDevice(experiment)
  const gpuLayers = llamacpp?.gpu_layers ?? (noDevice ? 0 : undefined)
  return new Map<string, Options.Option>([
    ["model", modelPath],
    ["alias", Served.servedModel],
    ["host", "{host}"],
    ["port", "{port}"],
    ["parallel", slots],
    // llama-server shares the context out among its slots.
    ["ctx-size", slots * context],
    ...(llamacpp?.threads === undefined ? [] : [["threads", llamacpp.threads] as const]),
    ...(llamacpp?.prefill_chunk === undefined ? [] : [["batch-size", llamacpp.prefill_chunk] as const]),
    ...(gpuLayers === undefined ? [] : [["gpu-layers", gpuLayers] as const]),
    // Without layers of its own a GPU would still be given large products of matrices.
    ...(noDevice ? [["device", "none"] as const] : []),
    ...(lora?.adapter_path === undefined ? [] : [["lora", lora.adapter_path] as const]),
    ...given(experiment),
  ])
}

const launch: Engine["launch"] = (experiment, model) => {
  const problems = unsupported(experiment)
  if (problems.length > 0) return Result.fail(problems)
  const mounts: ReadonlyArray<Mount> = [...new Set([model.path, ...files(experiment)])].map((hostPath) => ({
    hostPath,
    readOnly: true,
  }))
  const value: EngineLaunch = {
    backend: "llamacpp",
    program: { kind: "command", name: "llama-server" },
    argv: Options.toArgv(optionsOf(experiment, model.path)),
    env: {},
    mounts,
    secretNames: Served.secretNames,
    libraryFolders: [],
    container: { command: null, shmBytes: null, ipc: "private", ulimits: [], anyUser: true, writable: [] },
    readinessPath: "/health",
    infoPath: "/props",
    versionField: "build_info",
    // The rest are its defaults for what requests leave out, and its chat template.
    detailFields: ["build_info", "total_slots", "model_ftype"],
    servedModel: Served.servedModel,
  }
  return Result.succeed(value)
}

/** llama-server samples with a top_k, top_p and min_p of its own unless told otherwise, and forgets after 64 tokens. */
const sampler = (experiment: Experiment): Readonly<Record<string, number>> => {
  const { temperature, top_k, top_p, min_p, repetition_penalty } = experiment.decoder
  return {
    ...(Sampling.isSampled(experiment) ? { temperature, top_k, top_p, min_p: min_p ?? 0 } : { temperature: 0 }),
    ...(repetition_penalty === 1 ? {} : { repeat_penalty: repetition_penalty, repeat_last_n: -1 }),
  }
}

const encode: Engine["encode"] = (experiment, launched, request) => ({
  path: "/v1/completions",
  headers: {},
  body: JSON.stringify({
    model: launched.servedModel,
    prompt: request.prompt,
    max_tokens: request.maxOutputTokens,
    ignore_eos: exactLengths(experiment),
    ...sampler(experiment),
    seed: Sampling.seedOf(experiment, request),
    stream: true,
    stream_options: { include_usage: true },
    // The count of tokens so far in each chunk: a character of several tokens comes in one.
    timings_per_token: true,
    cache_prompt: given(experiment).get("cache-prompt") !== false,
  }),
})

/** llama.cpp's own server, found on PATH or in an image. */
export const engine: Engine = {
  backend: "llamacpp",
  unsupported,
  files,
  launch,
  encode,
  exactLengths,
  batchSize,
}
