import type { Experiment } from "../domain/Experiment.ts"

const contextStep = 256

/** Prompt and output of one request in tokens, rounded up: what each sequence's share of a context must hold. */
export const contextPerSequence = (experiment: Experiment): number => {
  const synthetic = typeof experiment.dataset === "string" ? null : experiment.dataset
  const input = synthetic?.input_len ?? experiment.max_input_tokens
  const output = synthetic?.output_len ?? experiment.max_output_tokens
  return Math.ceil((input + output + 1) / contextStep) * contextStep
}

/** Exact output lengths wherever the prompts carry no meaning; a person's own prompts may end by themselves. */
export const exactByDefault = ({ dataset }: Experiment): boolean =>
  typeof dataset !== "string" || dataset === "aienergyscore"
