import { Schema } from "effect"
import { Backend } from "./Backend.ts"
import { EmbeddedVariant } from "./EmbeddedVariant.ts"

/** Whether Docker can run engines for us, and if not why, in words for a person. */
export const DockerFacts = Schema.Struct({
  usable: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
  code: Schema.optionalKey(Schema.String),
  version: Schema.optionalKey(Schema.String),
  /** Why this Docker cannot hand the node's GPUs to a container; null or absent when it can. */
  gpuReason: Schema.optionalKey(Schema.NullOr(Schema.String)),
  rootless: Schema.optionalKey(Schema.Boolean),
  cgroupVersion: Schema.optionalKey(Schema.String),
  /** Where its images lie on this node. */
  rootDirectory: Schema.optionalKey(Schema.String),
  /** Whether it is reached over a network: whether it is this node's shows only in a container. */
  overNetwork: Schema.optionalKey(Schema.Boolean),
})
export type DockerFacts = typeof DockerFacts.Type

/** One installed (or missing) engine on this node. */
export const EngineFacts = Schema.Struct({
  available: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
  version: Schema.optionalKey(Schema.String),
})
export type EngineFacts = typeof EngineFacts.Type

/** A GPU. What only NVML tells is absent where it was found by other means. */
export const GpuFacts = Schema.Struct({
  uuid: Schema.String,
  name: Schema.String,
  /** Its number in the driver's own order, from 0. */
  index: Schema.optionalKey(Schema.Int),
  driverVersion: Schema.optionalKey(Schema.String),
  memoryBytes: Schema.optionalKey(Schema.Finite),
})
export type GpuFacts = typeof GpuFacts.Type

/** What the node is and has: gathered once by effects, judged by pure functions. */
export const NodeFacts = Schema.Struct({
  docker: DockerFacts,
  insideContainer: Schema.Boolean,
  engines: Schema.Record(Backend, EngineFacts),
  gpus: Schema.Array(GpuFacts),
  /** Why NVML could not be asked for the GPUs; null or absent when it was. */
  nvmlReason: Schema.optionalKey(Schema.NullOr(Schema.String)),
  /** Builds of the embedded engine in folders outside llem, in the order in which they are preferred; absent: none was looked for. */
  embeddedVariants: Schema.optionalKey(Schema.Array(EmbeddedVariant)),
})
export type NodeFacts = typeof NodeFacts.Type
