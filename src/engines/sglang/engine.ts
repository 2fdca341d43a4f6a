import { Result } from "effect"
import type { Experiment } from "../../domain/Experiment.ts"
import type { Engine, EngineLaunch, Unsupported } from "../Engine.ts"
import * as Flags from "../Flags.ts"
import * as HfModel from "../HfModel.ts"
import * as Lengths from "../Lengths.ts"
import * as Places from "../Places.ts"
import * as Sampling from "../Sampling.ts"
import * as Served from "../Served.ts"
import { commandLine, places } from "./Places.ts"

const adapter = "adapter"

const batchSize = ({ sglang, load }: Experiment): number =>
  sglang?.max_running_requests ?? load.concurrency ?? Served.defaultBatch

const exactLengths = (experiment: Experiment): boolean =>
  experiment.sglang?.ignore_eos ?? Lengths.exactByDefault(experiment)

const givenFlags = (experiment: Experiment): ReadonlyArray<Places.Setting> => [
  ...Places.sort(experiment.sglang ?? {}, "sglang", places, "flag").flags,
  ...Served.further(experiment, "flag").flags,
]

const unsupported = (experiment: Experiment): ReadonlyArray<Unsupported> => [
  ...HfModel.problems(experiment.model),
  ...Lengths.leastProblems(experiment, "decoder.min_new_tokens", experiment.decoder.min_new_tokens),
  ...Served.loraProblems(experiment),
  ...Served.deviceProblems(experiment, experiment.sglang?.tp_size ?? 1, "sglang.tp_size"),
  ...Served.batchProblems(
    Served.further(experiment, "flag").flags,
    "max_running_requests",
    "sglang.max_running_requests",
  ),
  ...Flags.problems(givenFlags(experiment), commandLine),
]

/** Flags that name a file or folder of this node, which the engine has to see where it runs. */
const filed: ReadonlySet<string> = new Set(["chat-template", "tokenizer-path", "speculative-draft-model-path"])

const files: Engine["files"] = (experiment) => {
  const named = Flags.paths(Flags.from(givenFlags(experiment), commandLine), filed)
  const path = experiment.lora?.adapter_path
  return path === undefined ? named : [path, ...named]
}

/** Nothing of an earlier prompt is kept, and the model's own sampling defaults are not; a study may want it otherwise. */
const unlessGiven: Flags.Flags = new Map<string, Flags.Value>([
  ["disable-radix-cache", true],
  ["sampling-defaults", "openai"],
])

const flagsOf = (experiment: Experiment, modelPath: string): Flags.Flags => {
  const dtype = Served.dtypeOf(experiment)
  const path = experiment.lora?.adapter_path
  return new Map<string, Flags.Value>([
    ["model-path", modelPath],
    ["served-model-name", Served.servedModel],
    ["host", "{host}"],
    ["port", "{port}"],
    ["random-seed", Sampling.engineSeed(experiment)],
    ...(dtype === null ? [] : [["dtype", dtype] as const]),
    ...(path === undefined ? [] : [["enable-lora", true] as const, ["lora-paths", `${adapter}=${path}`] as const]),
    ...unlessGiven,
    ...Flags.from(givenFlags(experiment), commandLine),
  ])
}

const launch: Engine["launch"] = (experiment, model) => {
  const problems = unsupported(experiment)
  if (problems.length > 0) return Result.fail(problems)
  const flags = flagsOf(experiment, model.path)
  const value: EngineLaunch = {
    backend: "sglang",
    program: { kind: "command", name: "sglang" },
    argv: ["serve", ...Flags.toArgv(flags, commandLine)],
    env: {
      ...Served.environment,
      // Else every question after its health makes it generate a token.
      SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: "false",
    },
    mounts: Served.mountsOf(model, files(experiment)),
    secretNames: Served.secretNames,
    libraryFolders: [],
    container: {
      command: ["sglang"],
      shmBytes: 32 * 2 ** 30,
      ipc: "private",
      ulimits: [],
      // Its cache of compiled kernels is a volume, which is root's.
      anyUser: false,
      writable: Served.kernelCaches,
    },
    readinessPath: "/health",
    infoPath: "/server_info",
    ...(flags.get("disable-radix-cache") === true ? {} : { resetPath: "/flush_cache" }),
    // The rest are all of its options and the state of its scheduler.
    detailFields: ["version", "attention_backend", "sampling_backend", "kv_cache_dtype", "max_total_num_tokens"],
    servedModel: Served.servedModel,
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
      allTokens: -1,
    }),
    ...(experiment.lora === undefined ? {} : { lora_path: adapter }),
    return_token_ids: true,
  }),
})

/** SGLang's own server, found on PATH or in an image. */
export const engine: Engine = {
  backend: "sglang",
  unsupported,
  files,
  launch,
  encode,
  exactLengths,
  batchSize,
}
