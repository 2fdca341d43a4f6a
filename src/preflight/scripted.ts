import { Effect, Layer } from "effect"
import type { NodeFacts } from "../domain/NodeFacts.ts"
import { NodeProbe } from "./NodeProbe.ts"

/** A node whose facts are given instead of probed. */
export const layer = (facts: NodeFacts): Layer.Layer<NodeProbe> =>
  Layer.succeed(NodeProbe, NodeProbe.of({ gather: () => Effect.succeed(facts) }))
