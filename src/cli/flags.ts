import { Option } from "effect"
import { Argument, Flag } from "effect/cli"
import type { Document } from "../config/Document.ts"
import { layer } from "../config/Layered.ts"
import * as Override from "../config/Override.ts"
import { get } from "../config/Paths.ts"
import * as Backend from "../domain/Backend.ts"
import { CycleOrder } from "../domain/Study.ts"

const text = (name: string, description: string, alias?: string) => {
  const flag = Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)
  return alias === undefined ? flag : Flag.withAlias(flag, alias)
}

const integer = (name: string, description: string, alias?: string) => {
  const flag = Flag.Int(name).pipe(Flag.withDescription(description), Flag.optional)
  return alias === undefined ? flag : Flag.withAlias(flag, alias)
}

const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

/** The study file; left out, the flags describe one experiment. */
export const file = Argument.String("FILE").pipe(
  Argument.withDescription("Study or experiment file (YAML)"),
  Argument.optional,
)

/** One JSON document on standard output, nothing else there. */
export const json = toggle("json", "Print one JSON document on standard output")

/** Removal of what dead runs left. */
export const fix = toggle("fix", "Remove what runs that were killed left in Docker")

/** Flags that set fields of the experiment or of its execution. */
export const settingFlags = {
  model: text("model", "Model: name, path to a GGUF, or synthetic:15m", "m"),
  backend: Flag.Literals("backend", Backend.all).pipe(
    Flag.withDescription("Inference engine"),
    Flag.withAlias("b"),
    Flag.optional,
  ),
  dataset: text("dataset", "Named set or JSONL file", "d"),
  n: integer("n", "Number of requests"),
  batchSize: integer("batch-size", "Requests per static batch, for whichever backend"),
  precision: Flag.Literals("precision", ["fp32", "fp16", "bf16"]).pipe(
    Flag.withDescription("Weights and computation"),
    Flag.withAlias("p"),
    Flag.optional,
  ),
  cycles: integer("cycles", "How often each experiment runs"),
  order: Flag.Literals("order", CycleOrder.literals).pipe(
    Flag.withDescription("Order of the experiments within and between cycles"),
    Flag.optional,
  ),
  timeout: Flag.Finite("timeout").pipe(Flag.withDescription("Limit in seconds for each cell"), Flag.optional),
  set: Flag.String("set").pipe(
    Flag.withDescription("Any field: path.to.field=value; repeatable"),
    Flag.withMetavar("FIELD=VALUE"),
    Flag.atLeast(0),
  ),
  skipPreflight: toggle("skip-preflight", "Do not look at the node; the file is checked all the same"),
}

/** Flags of `run` and `plan` that are no fields. */
export const planFlags = {
  ...settingFlags,
  offline: toggle("offline", "Fetch nothing over a network: images must be on the node"),
  runner: text("runner", "Where every backend runs: local, docker, docker:IMAGE, slurm or auto"),
  json,
}

/** How much is said. */
export const loudness = {
  quiet: Flag.withAlias(toggle("quiet", "No progress, only results and errors"), "q"),
  verbose: Flag.withAlias(toggle("verbose", "Say more; defects show their stack"), "v"),
}

/** Flags of `run` alone. */
export const runFlags = {
  ...planFlags,
  output: text("output", "Folder for results", "o"),
  noGaps: toggle("no-gaps", "No pauses between experiments and cycles"),
  failFast: toggle("fail-fast", "Stop after the first failed cell"),
  dryRun: toggle("dry-run", "Print the plan and start nothing, as `llem plan` does"),
  progress: Flag.Literals("progress", ["auto", "plain", "json", "none"]).pipe(
    Flag.withDescription("How to follow the study on standard error"),
    Flag.withDefault("auto" as const),
  ),
  ...loudness,
}

/** Values of the setting flags. */
export interface Given {
  readonly model: Option.Option<string>
  readonly backend: Option.Option<Backend.Backend>
  readonly dataset: Option.Option<string>
  readonly n: Option.Option<number>
  readonly batchSize: Option.Option<number>
  readonly precision: Option.Option<string>
  readonly cycles: Option.Option<number>
  readonly order: Option.Option<string>
  readonly timeout: Option.Option<number>
  readonly skipPreflight: boolean
}

/** A command line that sets no field. */
export const nothingGiven: Given = {
  model: Option.none(),
  backend: Option.none(),
  dataset: Option.none(),
  n: Option.none(),
  batchSize: Option.none(),
  precision: Option.none(),
  cycles: Option.none(),
  order: Option.none(),
  timeout: Option.none(),
  skipPreflight: false,
}

/** `-n` sets the number of requests wherever the file has it. */
const countPath = (raw: Readonly<Record<string, unknown>>): string => {
  if (get(raw, ["load", "n"]) !== undefined) return "load.n"
  return get(raw, ["dataset", "n"]) === undefined ? "n" : "dataset.n"
}

/** The fields that flags set, in a study file's own terms; `fromHere` makes a path typed on the command line absolute. */
export const overrides = (
  given: Given,
  sets: ReadonlyArray<Override.Override>,
  documents: ReadonlyArray<Document>,
  fromHere: (name: string) => string,
): ReadonlyArray<Override.Override> => {
  const raw = layer(documents, []).value
  const one = <A>(flag: string, path: string, value: Option.Option<A>): ReadonlyArray<Override.Override> =>
    Option.match(value, { onNone: () => [], onSome: (some) => [{ flag, path, value: some }] })
  const direct = [
    ...one("--model", "model", Option.map(given.model, fromHere)),
    ...one("--backend", "backend", given.backend),
    ...one("--dataset", "dataset", Option.map(given.dataset, fromHere)),
    ...one("--n", countPath(raw), given.n),
    ...one("--precision", "precision", given.precision),
    ...one("--cycles", "execution.n_cycles", given.cycles),
    ...one("--order", "execution.cycle_order", given.order),
    ...one("--timeout", "execution.timeouts.cell_seconds", given.timeout),
    ...(given.skipPreflight ? [{ flag: "--skip-preflight", path: "execution.skip_preflight", value: true }] : []),
    ...sets,
  ]
  const merged = { ...raw, ...Object.fromEntries(direct.map(({ path, value }) => [path, value])) }
  const batch = Option.match(given.batchSize, {
    onNone: () => [],
    onSome: (size) => Override.batchSizes(merged, size),
  })
  return [...direct, ...batch]
}
