import { Schema } from "effect"

/** What a build of the embedded engine computes on. */
export const VariantKind = Schema.Literals(["cpu", "cuda", "vulkan"])
export type VariantKind = typeof VariantKind.Type

/** What loading a build of the embedded engine showed. */
export const VariantReport = Schema.Struct({
  /** null where the folder does not say. */
  kind: Schema.NullOr(VariantKind),
  version: Schema.NullOr(Schema.String),
  /** Whether it can compute on a GPU here. */
  usable: Schema.Boolean,
  /** Why it cannot, in words for a person. */
  reason: Schema.NullOr(Schema.String),
  /** Names of its devices. */
  devices: Schema.Array(Schema.String),
  /** Memory of all its devices. */
  memoryBytes: Schema.NullOr(Schema.Finite),
})
export type VariantReport = typeof VariantReport.Type

/** A build of the embedded engine in a folder outside llem. */
export const EmbeddedVariant = Schema.Struct({ folder: Schema.String, ...VariantReport.fields })
export type EmbeddedVariant = typeof EmbeddedVariant.Type

/** The environment variable that names the folders. */
export const variable = "LLEM_EMBEDDED_DIR"

/** The folders that the variable's text names, joined by colons, each once. */
export const foldersOf = (text: string | undefined): ReadonlyArray<string> => [
  ...new Set((text ?? "").split(":").filter((folder) => folder !== "")),
]

/** The variant that experiments with GPU layers run on: the first that is usable. */
export const chosen = (variants: ReadonlyArray<EmbeddedVariant>): EmbeddedVariant | null =>
  variants.find(({ usable }) => usable) ?? null

/** Names of variants for people. */
export const kindNames: Readonly<Record<VariantKind, string>> = { cpu: "CPU", cuda: "CUDA", vulkan: "Vulkan" }
