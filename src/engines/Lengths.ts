import type { Experiment } from "../domain/Experiment.ts"
import type { Unsupported } from "./Engine.ts"

const contextStep = 256

/** Longest prompt and output of one request, in tokens. */
const most = ({ dataset, max_input_tokens, max_output_tokens }: Experiment) => {
  const synthetic = typeof dataset === "string" ? null : dataset
  return { input: synthetic?.input_len ?? max_input_tokens, output: synthetic?.output_len ?? max_output_tokens }
}

/**
 * Lengths that cannot be: a context that synthetic prompts and their outputs do not fit into (a person's own prompts
 * may be shorter than the longest that is allowed), and a least output above the most.
 */
export const problems = (
  experiment: Experiment,
  contextSize: number | null,
  contextField: string,
): ReadonlyArray<Unsupported> => {
  const { input, output } = most(experiment)
  const least = experiment.decoder.min_new_tokens
  const isTooSmall = contextSize !== null && typeof experiment.dataset !== "string" && input + output > contextSize
  return [
    ...(isTooSmall
      ? [
          {
            field: contextField,
            message: `prompts of ${input} tokens and outputs of ${output} do not fit into ${contextSize}`,
          },
        ]
      : []),
    ...(least !== undefined && least > output
      ? [{ field: "decoder.min_new_tokens", message: `${least} tokens at least, but outputs have ${output} at most` }]
      : []),
  ]
}

/** Prompt and output of one request in tokens, rounded up: what each sequence's share of a context must hold. */
export const contextPerSequence = (experiment: Experiment): number => {
  const { input, output } = most(experiment)
  return Math.ceil((input + output + 1) / contextStep) * contextStep
}

/** Exact output lengths wherever the prompts carry no meaning; a person's own prompts may end by themselves. */
export const exactByDefault = ({ dataset }: Experiment): boolean =>
  typeof dataset !== "string" || dataset === "aienergyscore"
