import { Result } from "effect"
import type { Experiment } from "../../domain/Experiment.ts"
import type { Engine, EngineLaunch, Unsupported } from "../Engine.ts"
import * as Flags from "../Flags.ts"
import * as HfModel from "../HfModel.ts"
import * as Lengths from "../Lengths.ts"
import * as Places from "../Places.ts"
import { refuse } from "../Refused.ts"
import * as Sampling from "../Sampling.ts"
import * as Served from "../Served.ts"
import { commandLine, places, reservedFields } from "./Places.ts"

const adapter = "adapter"

const batchSize = ({ vllm, load }: Experiment): number =>
  vllm?.engine?.max_num_seqs ?? load.concurrency ?? Served.defaultBatch

const exactLengths = (experiment: Experiment): boolean =>
  experiment.vllm?.sampling?.ignore_eos ?? Lengths.exactByDefault(experiment)

/** The engine's part of the section, less what becomes flags together. */
const engineSettings = ({ vllm }: Experiment): Places.Sorted => {
  const { speculative_model: _m, num_speculative_tokens: _n, ...rest } = vllm?.engine ?? {}
  return Places.sort(rest, "vllm.engine", places, "flag")
}

const samplingSettings = ({ vllm }: Experiment): Places.Sorted =>
  Places.sort(vllm?.sampling ?? {}, "vllm.sampling", places, "body")

/** A draft model and how far it drafts are one flag. */
const speculation = ({ vllm }: Experiment): ReadonlyArray<Places.Setting> => {
  const { speculative_model: model, num_speculative_tokens: tokens } = vllm?.engine ?? {}
  if (model === undefined) return []
  const value = { model, ...(tokens === undefined ? {} : { num_speculative_tokens: tokens }) }
  return [{ field: "vllm.engine.speculative_model", name: "speculative_config", value }]
}

const givenFlags = (experiment: Experiment): ReadonlyArray<Places.Setting> => [
  ...speculation(experiment),
  ...engineSettings(experiment).flags,
  ...Served.further(experiment, "flag").flags,
]

const samplingProblems = (experiment: Experiment): ReadonlyArray<Unsupported> => {
  const { refused, body } = samplingSettings(experiment)
  const { min_tokens, max_tokens } = experiment.vllm?.sampling ?? {}
  return [
    ...refused,
    ...body.flatMap(({ field, name }) => {
      const why = Object.hasOwn(reservedFields, name) ? reservedFields[name] : undefined
      return why === undefined ? [] : [{ field, message: why }]
    }),
    ...Served.maxTokensProblems(experiment, "vllm.sampling.max_tokens", max_tokens),
    ...refuse(
      min_tokens !== undefined && experiment.decoder.min_new_tokens !== undefined,
      "vllm.sampling.min_tokens",
      "decoder.min_new_tokens says it already",
    ),
    ...Places.sort(experiment.vllm?.beam_search ?? {}, "vllm.beam_search", places, "body").refused,
  ]
}

const draftProblems = ({ vllm }: Experiment): ReadonlyArray<Unsupported> => {
  const { speculative_model: model, num_speculative_tokens: tokens } = vllm?.engine ?? {}
  return [
    ...refuse(
      model !== undefined && !model.startsWith("/"),
      "vllm.engine.speculative_model",
      "it needs the absolute path of the draft model's folder; other methods are vllm.engine.speculative_config",
    ),
    ...refuse(
      model === undefined && tokens !== undefined,
      "vllm.engine.num_speculative_tokens",
      "it needs speculative_model",
    ),
  ]
}

const unsupported = (experiment: Experiment): ReadonlyArray<Unsupported> => {
  const { tensor_parallel_size = 1, pipeline_parallel_size = 1 } = experiment.vllm?.engine ?? {}
  return [
    ...HfModel.problems(experiment.model),
    ...Lengths.leastProblems(experiment, "decoder.min_new_tokens", experiment.decoder.min_new_tokens),
    ...Lengths.leastProblems(experiment, "vllm.sampling.min_tokens", experiment.vllm?.sampling?.min_tokens),
    ...Served.loraProblems(experiment),
    ...Served.deviceProblems(
      experiment,
      tensor_parallel_size * pipeline_parallel_size,
      tensor_parallel_size > 1 ? "vllm.engine.tensor_parallel_size" : "vllm.engine.pipeline_parallel_size",
    ),
    ...draftProblems(experiment),
    ...Served.batchProblems(Served.further(experiment, "flag").flags, "max_num_seqs", "vllm.engine.max_num_seqs"),
    ...engineSettings(experiment).refused,
    ...samplingProblems(experiment),
    ...Flags.problems(givenFlags(experiment), commandLine),
  ]
}

/** Flags that name a file or folder of this node, which the engine has to see where it runs. */
const filed: ReadonlySet<string> = new Set(["chat-template", "tokenizer", "hf-config-path", "generation-config"])

const files: Engine["files"] = (experiment) => {
  const { lora, vllm } = experiment
  const named = Flags.paths(Flags.from(givenFlags(experiment), commandLine), filed)
  return [lora?.adapter_path, vllm?.engine?.speculative_model].filter((path) => path !== undefined).concat(named)
}

/** Nothing of an earlier prompt is kept, and the model's own sampling defaults are; a study may want it otherwise. */
const unlessGiven: Flags.Flags = new Map<string, Flags.Value>([
  ["enable-prefix-caching", false],
  ["generation-config", "vllm"],
  ["enable-log-requests", false],
  ["disable-uvicorn-access-log", true],
])

const flagsOf = (experiment: Experiment): Flags.Flags => {
  const dtype = Served.dtypeOf(experiment)
  const adapterPath = experiment.lora?.adapter_path
  return new Map<string, Flags.Value>([
    ["served-model-name", Served.servedModel],
    ["host", "{host}"],
    ["port", "{port}"],
    ["seed", Sampling.engineSeed(experiment)],
    ...(dtype === null ? [] : [["dtype", dtype] as const]),
    ["max-model-len", Lengths.contextPerSequence(experiment)],
    ...(adapterPath === undefined
      ? []
      : [
          ["enable-lora", true] as const,
          ["lora-modules", JSON.stringify({ name: adapter, path: adapterPath })] as const,
        ]),
    ...unlessGiven,
    ...Flags.from(givenFlags(experiment), commandLine),
  ])
}

const launch: Engine["launch"] = (experiment, model) => {
  const problems = unsupported(experiment)
  if (problems.length > 0) return Result.fail(problems)
  const flags = flagsOf(experiment)
  const caching = flags.get("enable-prefix-caching") === true
  const value: EngineLaunch = {
    backend: "vllm",
    program: { kind: "command", name: "vllm" },
    argv: ["serve", model.path, ...Flags.toArgv(flags, commandLine)],
    env: {
      ...Served.environment,
      VLLM_NO_USAGE_STATS: "1",
      // The path that empties the cache exists in this mode only.
      ...(caching ? { VLLM_SERVER_DEV_MODE: "1" } : {}),
    },
    mounts: Served.mountsOf(model, files(experiment)),
    secretNames: Served.secretNames,
    libraryFolders: [],
    container: {
      command: ["vllm"],
      shmBytes: 8 * 2 ** 30,
      ipc: "private",
      ulimits: [],
      // Its cache of compiled kernels is a volume, which is root's.
      anyUser: false,
      writable: Served.kernelCaches,
    },
    readinessPath: "/health",
    infoPath: "/version",
    ...(caching ? { resetPath: "/reset_prefix_cache" } : {}),
    servedModel: experiment.lora === undefined ? Served.servedModel : adapter,
  }
  return Result.succeed(value)
}

const encode: Engine["encode"] = (experiment, launched, request) => ({
  path: "/v1/completions",
  headers: {},
  body: JSON.stringify({
    ...Served.requestBody(experiment, request, {
      model: launched.servedModel,
      exact: exactLengths(experiment),
      allTokens: 0,
    }),
    ...(typeof request.prompt === "string" ? { truncate_prompt_tokens: experiment.max_input_tokens } : {}),
    ...Places.toRecord(samplingSettings(experiment).body.filter(({ name }) => name !== "max_tokens")),
    return_token_ids: true,
  }),
})

/** vLLM's own server, found on PATH or in an image. */
export const engine: Engine = {
  backend: "vllm",
  unsupported,
  files,
  launch,
  encode,
  exactLengths,
  batchSize,
}
