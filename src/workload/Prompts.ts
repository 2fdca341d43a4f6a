import { Result, Schema } from "effect"
import type { Experiment } from "../domain/Experiment.ts"
import type { Notice } from "../domain/Notice.ts"
import type { WorkloadRequest } from "../domain/Request.ts"
import * as Prose from "./Prose.ts"
import * as Random from "./Random.ts"
import { draw, type Vocabulary } from "./Vocabulary.ts"

/** The prompts of an experiment cannot be had as it asks for them. */
export class DatasetProblem extends Schema.TaggedError<DatasetProblem>()("DatasetProblem", {
  /** The file that is at fault, as it was named; null when it is the experiment. */
  file: Schema.NullOr(Schema.String),
  /** Line of the file, from 1. */
  row: Schema.NullOr(Schema.Int),
  field: Schema.NullOr(Schema.String),
  message: Schema.String,
  fix: Schema.String,
}) {}

/** One prompt of a file. */
export interface Row {
  readonly text: string
  /** What `dataset_order: grouped` goes by. */
  readonly source: string | null
}

/** Where prompts come from: rows of a file, or generated where a named set is not on this node. */
export type Source =
  | { readonly kind: "rows"; readonly file: string; readonly rows: ReadonlyArray<Row> }
  | { readonly kind: "generated"; readonly insteadOf: string }
  | { readonly kind: "synthetic" }

/** The requests of one experiment in the order in which they are sent, and what to say of them. */
export interface Workload {
  readonly requests: ReadonlyArray<WorkloadRequest>
  readonly warnings: ReadonlyArray<Notice>
}

type Settings = Pick<
  Experiment,
  "dataset" | "dataset_order" | "random_seed" | "n" | "max_input_tokens" | "max_output_tokens"
>

interface Prompt {
  readonly prompt: WorkloadRequest["prompt"]
  readonly source: string | null
}

const notice = (code: string, message: string): Notice => ({ code, severity: "warning", message })

const ordered = (prompts: ReadonlyArray<Prompt>, settings: Settings): ReadonlyArray<Prompt> => {
  switch (settings.dataset_order) {
    case "interleaved":
      return prompts
    case "grouped": {
      const sources = [...new Set(prompts.map((prompt) => prompt.source))]
      return sources.flatMap((source) => prompts.filter((prompt) => prompt.source === source))
    }
    case "shuffled":
      return Random.shuffled(prompts, Random.make(settings.random_seed))
  }
}

/** Every prompt has a stream of its own, so that the first ones are the same whatever `n` is. */
const generate = (settings: Settings, length: number, seed: number, vocabulary: Vocabulary | null) =>
  Array.from({ length: settings.n }, (_, index): Prompt => {
    const random = Random.make(seed, index + 1)
    const prompt = vocabulary === null ? Prose.words(length, random) : draw(vocabulary, length, random)
    return { prompt, source: null }
  })

const fromRows = (source: Source & { kind: "rows" }, settings: Settings) => {
  const { rows, file } = source
  if (rows.length === 0)
    return Result.fail(
      new DatasetProblem({
        file,
        row: null,
        field: null,
        message: `${file} holds no prompts`,
        fix: 'Write one JSON object a line, each with "prompt" or "text".',
      }),
    )
  const prompts = Array.from({ length: settings.n }, (_, index) => rows[index % rows.length]).flatMap((row) =>
    row === undefined ? [] : [{ prompt: row.text, source: row.source }],
  )
  const warnings =
    rows.length < settings.n
      ? [notice("dataset_repeated", `${file} has ${rows.length} prompts for ${settings.n} requests: they are repeated`)]
      : []
  return Result.succeed({ prompts, warnings })
}

const standIn = (insteadOf: string, settings: Settings, vocabulary: Vocabulary | null) => {
  const length = settings.max_input_tokens
  const what = vocabulary === null ? `about ${length} tokens of text` : `exactly ${length} tokens`
  return {
    prompts: generate(settings, length, settings.random_seed, vocabulary),
    warnings: [
      notice(
        "dataset_substituted",
        `Dataset ${insteadOf} is not on this node: generated prompts of ${what} take its place`,
      ),
    ],
  }
}

const synthetic = (settings: Settings, vocabulary: Vocabulary | null) => {
  if (typeof settings.dataset === "string") return Result.succeed(standIn(settings.dataset, settings, vocabulary))
  if (vocabulary === null)
    return Result.fail(
      new DatasetProblem({
        file: null,
        row: null,
        field: "dataset.input_len",
        message: "Prompts of an exact length need the model's vocabulary, and this model's is not known",
        fix: "Use a GGUF or synthetic model, or name a file of prompts as dataset.",
      }),
    )
  const { input_len, seed } = settings.dataset
  return Result.succeed({ prompts: generate(settings, input_len, seed, vocabulary), warnings: [] })
}

/**
 * The requests of an experiment: the first `n` prompts of its dataset, in `dataset_order`. Generated prompts are token
 * ids of exact length where the vocabulary is known. The same settings give the same requests everywhere.
 */
export const build = (
  settings: Settings,
  source: Source,
  vocabulary: Vocabulary | null,
): Result.Result<Workload, DatasetProblem> => {
  const found =
    source.kind === "rows"
      ? fromRows(source, settings)
      : source.kind === "generated"
        ? Result.succeed(standIn(source.insteadOf, settings, vocabulary))
        : synthetic(settings, vocabulary)
  const maxOutputTokens =
    typeof settings.dataset === "string" ? settings.max_output_tokens : settings.dataset.output_len
  return Result.map(found, ({ prompts, warnings }) => ({
    requests: ordered(prompts, settings).map(({ prompt }, id) => ({ id, prompt, maxOutputTokens })),
    warnings,
  }))
}
