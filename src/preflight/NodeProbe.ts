import { Context, type Effect } from "effect"
import type { Backend } from "../domain/Backend.ts"
import type { NodeFacts } from "../domain/NodeFacts.ts"

/** Gathers what the node is and has. Probes never fail: what could not be learnt is a fact with its reason. */
export class NodeProbe extends Context.Service<
  NodeProbe,
  {
    gather(backends: ReadonlyArray<Backend>): Effect.Effect<NodeFacts>
  }
>()("llem/preflight/NodeProbe") {}
