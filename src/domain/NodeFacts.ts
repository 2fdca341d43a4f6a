import { Schema } from "effect"
import { Backend } from "./Backend.ts"

/** Whether Docker can run engines for us, and if not why, in words for a person. */
export const DockerFacts = Schema.Struct({
  usable: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
  code: Schema.optionalKey(Schema.String),
  version: Schema.optionalKey(Schema.String),
  /** Why this Docker cannot hand the node's GPUs to a container; null or absent when it can. */
  gpuReason: Schema.optionalKey(Schema.NullOr(Schema.String)),
})
export type DockerFacts = typeof DockerFacts.Type

/** One installed (or missing) engine on this node. */
export const EngineFacts = Schema.Struct({
  available: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
  version: Schema.optionalKey(Schema.String),
})
export type EngineFacts = typeof EngineFacts.Type

export const GpuFacts = Schema.Struct({ uuid: Schema.String, name: Schema.String })
export type GpuFacts = typeof GpuFacts.Type

/** What the node is and has: gathered once by effects, judged by pure functions. */
export const NodeFacts = Schema.Struct({
  docker: DockerFacts,
  insideContainer: Schema.Boolean,
  engines: Schema.Record(Backend, EngineFacts),
  gpus: Schema.Array(GpuFacts),
})
export type NodeFacts = typeof NodeFacts.Type
