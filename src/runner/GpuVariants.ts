import { chosen, type EmbeddedVariant, kindNames, variable } from "../domain/EmbeddedVariant.ts"
import type { Experiment } from "../domain/Experiment.ts"
import type { Finding } from "../domain/Notice.ts"
import type { RunnerMode } from "../domain/RunnerSpec.ts"
import * as Placements from "./Placements.ts"

/** What is known of the node where an experiment's engine would compute on GPUs. */
export interface VariantInput {
  readonly experiment: Experiment
  readonly mode: RunnerMode
  /** Builds of the embedded engine outside llem. */
  readonly variants: ReadonlyArray<EmbeddedVariant>
  /** GPUs of the node, and those that the experiment gets. */
  readonly nodeGpus: number
  readonly gpuUuids: ReadonlyArray<string>
}

/** What keeps an experiment from its GPU layers, and what to do about it. */
export type VariantProblem = Pick<Finding, "code" | "message" | "fix">

/** The folder of the build that the experiment's engine is loaded from; null for the one inside llem. */
export interface VariantChoice {
  readonly folder: string | null
  readonly problem: VariantProblem | null
}

const cannot = (code: string, reason: string, fix: string): VariantChoice => ({
  folder: null,
  problem: { code, message: `embedded cannot put layers on a GPU (embedded.gpu_layers): ${reason}`, fix },
})

const missing = (variants: ReadonlyArray<EmbeddedVariant>): VariantChoice =>
  variants.length === 0
    ? cannot(
        "gpu_variant_missing",
        `llem has the engine for the CPU inside, and ${variable} names no other`,
        `Put the contents of npm's package @node-llama-cpp/linux-x64-vulkan or @node-llama-cpp/linux-x64-cuda, of the version that llem doctor names for embedded, into a folder and name it in ${variable}; or leave embedded.gpu_layers out.`,
      )
    : cannot(
        "gpu_variant_missing",
        variants.map(({ folder, reason }) => `${folder}: ${reason ?? "not usable"}`).join("; "),
        `Mend what is said of the folders in ${variable} (llem doctor looks at them again), or leave embedded.gpu_layers out.`,
      )

/** Which build of the embedded engine an experiment runs on, or why there is none for it. */
export const choose = ({ experiment, mode, variants, nodeGpus, gpuUuids }: VariantInput): VariantChoice => {
  if (experiment.backend !== "embedded" || !Placements.usesGpu(experiment)) return { folder: null, problem: null }
  if (mode === "docker")
    return cannot(
      "gpu_variant_docker",
      "in a container llem's own engine has its build for the CPU only",
      "Run embedded as a local process (runners: {embedded: local}), or llamacpp in Docker; or leave embedded.gpu_layers out.",
    )
  const variant = chosen(variants)
  if (variant === null) return missing(variants)
  if (variant.kind === "cuda" && gpuUuids.length === 0)
    return cannot(
      "gpu_variant_devices",
      "NVIDIA's driver names no GPU that could be handed to the CUDA build",
      "llem doctor says why NVML cannot be asked; the Vulkan build does without it.",
    )
  if (variant.kind === "vulkan" && Array.isArray(experiment.devices) && gpuUuids.length < nodeGpus)
    return cannot(
      "gpu_variant_devices",
      `the ${kindNames.vulkan} build takes every GPU that its driver shows, so devices cannot choose among them`,
      "Leave devices out, or use the CUDA build.",
    )
  return { folder: variant.folder, problem: null }
}

/** The problems of a study's experiments, each told once. */
export const findings = (problems: ReadonlyArray<VariantProblem>): ReadonlyArray<Finding> =>
  [...Map.groupBy(problems, ({ message }) => message).values()].flatMap((same) => {
    const [first] = same
    const count =
      same.length === 1 ? "The experiment that asks for it is" : `The ${same.length} experiments that ask for it are`
    return first === undefined ? [] : [{ ...first, message: `${first.message}. ${count} skipped.`, blocking: false }]
  })
