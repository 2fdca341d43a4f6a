import type { Experiment } from "../domain/Experiment.ts"
import { refuse } from "./Refused.ts"

const contextStep = 256

/** Longest prompt and output of one request, in tokens. */
export const longest = ({ dataset, max_input_tokens, max_output_tokens }: Experiment) => {
  const synthetic = typeof dataset === "string" ? null : dataset
  return { input: synthetic?.input_len ?? max_input_tokens, output: synthetic?.output_len ?? max_output_tokens }
}

/** A least output beyond the longest: servers refuse every such request. */
export const leastProblems = (experiment: Experiment, field: string, least: number | undefined) => {
  const { output } = longest(experiment)
  return refuse((least ?? 0) > output, field, `it is more than the ${output} tokens that an output may have`)
}

/**
 * A context that synthetic prompts and their outputs do not fit into; a person's own prompts may be shorter than the
 * longest that is allowed.
 */
export const contextProblems = (experiment: Experiment, field: string, size: number | undefined) => {
  const { input, output } = longest(experiment)
  return refuse(
    size !== undefined && typeof experiment.dataset !== "string" && input + output > size,
    field,
    `prompts of ${input} tokens and outputs of ${output} do not fit into ${size}`,
  )
}

/** Prompt and output of one request in tokens, rounded up: what each sequence's share of a context must hold. */
export const contextPerSequence = (experiment: Experiment): number => {
  const { input, output } = longest(experiment)
  return Math.ceil((input + output + 1) / contextStep) * contextStep
}

/** Exact output lengths wherever the prompts carry no meaning; a person's own prompts may end by themselves. */
export const exactByDefault = ({ dataset }: Experiment): boolean =>
  typeof dataset !== "string" || dataset === "aienergyscore"
