import { Result } from "effect"
import type { Experiment } from "../../domain/Experiment.ts"
import type { Engine, EngineLaunch, ResolvedModel, Unsupported } from "../Engine.ts"
import * as HfModel from "../HfModel.ts"
import * as Lengths from "../Lengths.ts"
import * as Sections from "../Places.ts"
import { refuse } from "../Refused.ts"
import * as Served from "../Served.ts"
import * as Options from "./Options.ts"
import { noAdapters, places } from "./Places.ts"

const optionsFile = "tensorrt.yaml"

const batchSize = ({ tensorrt, load }: Experiment): number =>
  tensorrt?.max_batch_size ?? load.concurrency ?? Served.defaultBatch

const exactLengths = (experiment: Experiment): boolean =>
  experiment.tensorrt?.ignore_eos ?? Lengths.exactByDefault(experiment)

const section = ({ tensorrt }: Experiment): Sections.Sorted => Sections.sort(tensorrt ?? {}, "tensorrt", places, "file")

const settings = (experiment: Experiment): ReadonlyArray<Sections.Setting> => [
  ...section(experiment).file,
  ...Served.further(experiment, "file").file,
]

/** Its default sampler has no penalties; that of its C++ runtime has, as do engines built for that. */
const hasPenalties = (experiment: Experiment): boolean =>
  experiment.tensorrt?.engine_path !== undefined ||
  settings(experiment).some(({ name, value }) => name === "sampler_type" && value === "TRTLLMSampler")

const unsupported = (experiment: Experiment): ReadonlyArray<Unsupported> => {
  const { decoder, lora, tensorrt } = experiment
  return [
    ...HfModel.problems(experiment.model),
    ...Lengths.leastProblems(experiment, "decoder.min_new_tokens", decoder.min_new_tokens),
    ...refuse(
      decoder.repetition_penalty !== 1 && !hasPenalties(experiment),
      "decoder.repetition_penalty",
      "its default sampler has no penalties; set tensorrt.sampler_type: TRTLLMSampler",
    ),
    ...refuse(lora !== undefined, "lora", noAdapters),
    ...refuse(Served.hasNoDevice(experiment), "devices", "it computes on NVIDIA GPUs only"),
    ...Served.deviceProblems(experiment, tensorrt?.tp_size ?? 1, "tensorrt.tp_size"),
    ...refuse(
      tensorrt?.engine_path !== undefined && !tensorrt.engine_path.startsWith("/"),
      "tensorrt.engine_path",
      "it needs the absolute path of a folder",
    ),
    ...section(experiment).refused,
    ...Options.problems(settings(experiment)),
  ]
}

const files: Engine["files"] = (experiment) => {
  const path = experiment.tensorrt?.engine_path
  const named = Options.files(settings(experiment))
  return path === undefined ? named : [path, ...named]
}

/** Nothing of an earlier prompt is kept; a study may want it otherwise. An engine has the format it was built with. */
const options = (experiment: Experiment): Readonly<Record<string, unknown>> => {
  const dtype = experiment.tensorrt?.engine_path === undefined ? Served.dtypeOf(experiment) : null
  return Options.over(
    { ...(dtype === null ? {} : { dtype }), kv_cache_config: { enable_block_reuse: false } },
    settings(experiment),
  )
}

const argvOf = ({ tensorrt }: Experiment, model: ResolvedModel): ReadonlyArray<string> => {
  const built = tensorrt?.engine_path
  return [
    built ?? model.path,
    "--host={host}",
    "--port={port}",
    `--backend=${built === undefined ? "pytorch" : "tensorrt"}`,
    ...(built === undefined ? [] : [`--tokenizer=${model.path}`]),
    ...(tensorrt?.max_batch_size === undefined ? [] : [`--max_batch_size=${tensorrt.max_batch_size}`]),
    ...(tensorrt?.tp_size === undefined ? [] : [`--tp_size=${tensorrt.tp_size}`]),
    `--config={files}/${optionsFile}`,
  ]
}

/** Its server calls a model by the name of its folder. */
const nameOf = (path: string): string => path.split("/").findLast((part) => part !== "") ?? path

const launch: Engine["launch"] = (experiment, model) => {
  const problems = unsupported(experiment)
  if (problems.length > 0) return Result.fail(problems)
  const value: EngineLaunch = {
    backend: "tensorrt",
    program: { kind: "command", name: "trtllm-serve" },
    argv: argvOf(experiment, model),
    env: { ...Served.environment, TRTLLM_NO_USAGE_STATS: "1" },
    texts: { [optionsFile]: `${Options.toYaml(options(experiment))}\n` },
    mounts: Served.mountsOf(model, files(experiment)),
    secretNames: Served.secretNames,
    libraryFolders: [],
    container: {
      command: ["trtllm-serve"],
      shmBytes: null,
      // Its MPI ranks share memory, and lock it.
      ipc: "host",
      ulimits: [
        { name: "memlock", soft: -1, hard: -1 },
        { name: "stack", soft: 67108864, hard: 67108864 },
      ],
      anyUser: false,
      writable: Served.kernelCaches,
    },
    readinessPath: "/health",
    infoPath: "/version",
    servedModel: nameOf(experiment.tensorrt?.engine_path ?? model.path),
  }
  return Result.succeed(value)
}

/** It refuses fields that it does not know, and gives either token ids or text. */
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
  }),
})

/** TensorRT-LLM's own server, found on PATH or in an image. */
export const engine: Engine = {
  backend: "tensorrt",
  unsupported,
  files,
  launch,
  encode,
  exactLengths,
  batchSize,
}
