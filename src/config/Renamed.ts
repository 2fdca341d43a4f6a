import type { Path } from "./Document.ts"

/** What to write here instead of a name that the Python tool's later grammar (0.9) has for the same thing. */
const here: ReadonlyMap<string, string> = new Map([
  ["study_name", "name"],
  ["study_execution", "execution"],
  ["experiment_order", "execution.cycle_order"],
  ["execution.experiment_order", "execution.cycle_order"],
  ["execution.experiment_timeout_seconds", "execution.timeouts.cell_seconds"],
  ["execution.max_consecutive_failures", "execution.fail_fast"],
  ["n_prompts", "n"],
  ["dataset.n_prompts", "n"],
  ["dataset.source", "dataset"],
  ["dataset.order", "dataset_order"],
  ["engine", "backend"],
  ["engines", "backend"],
  ["transformers", "pytorch"],
  ["dtype", "precision"],
  ["pytorch.dtype", "precision"],
  ["vllm.dtype", "precision"],
  ["vllm.engine.dtype", "precision"],
  ["tensorrt.dtype", "precision"],
  ["sampling", "decoder"],
  ["sampling_preset", "decoder.preset"],
  ["output", "output_dir"],
  ["study_output", "output_dir"],
  ["energy_sampler", "energy.backend"],
])

const spread: ReadonlyMap<string, string> = new Map([
  ["task", "model, random_seed, dataset, max_input_tokens and max_output_tokens"],
  ["measurement", "energy.backend, baseline and warmup"],
])

/** The field that an old name stands for, and the sentence that says so; null for a name that is none of them. */
export const lookUp = (path: Path): { readonly field: string; readonly message: string } | null => {
  const name = path.map(String).join(".")
  const field = here.get(name)
  if (field !== undefined) return { field, message: `Unknown field '${path.at(-1)}' - here it is called '${field}'` }
  const fields = spread.get(name)
  return fields === undefined
    ? null
    : { field: fields, message: `Unknown field '${name}' - here its fields stand at the top level: ${fields}` }
}
