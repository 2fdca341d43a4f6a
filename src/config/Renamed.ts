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

/** A field of today for an old name, and the sentence that says so. */
export interface Renamed {
  readonly field: string
  readonly message: string
}

const called = (name: string, field: string): Renamed => ({
  field,
  message: `Unknown field '${name}' - here it is called '${field}'`,
})

/** What an old name stands for; null for a name that is none of them. */
export const lookUp = (path: Path): Renamed | null => {
  const name = path.map(String).join(".")
  const field = here.get(name)
  if (field !== undefined) return called(name, field)
  const fields = spread.get(name)
  return fields === undefined
    ? null
    : { field: fields, message: `Unknown field '${name}' - here its fields stand at the top level: ${fields}` }
}

/** The same for the dotted path of an axis or variant, of which the first part alone may be an old name. */
export const lookUpDotted = (path: ReadonlyArray<string>): Renamed | null => {
  const [first = "", ...rest] = path
  const whole = lookUp(path)
  const top = here.get(first)
  if (whole !== null || rest.length === 0 || top === undefined) return whole
  return called(path.join("."), [top, ...rest].join("."))
}
