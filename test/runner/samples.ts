import type { Backend } from "../../src/domain/Backend.ts"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { NodeFacts } from "../../src/domain/NodeFacts.ts"
import type { Resolution, RunnerMode } from "../../src/domain/RunnerSpec.ts"
import * as Judge from "../../src/preflight/Judge.ts"
import type * as Plan from "../../src/runner/Plan.ts"
import { experiment } from "../store/samples.ts"

const there = { available: true, reason: null }

/** A node on which everything is usable and there, and which has no GPU. */
export const facts = (over: Partial<NodeFacts> = {}): NodeFacts => ({
  docker: { usable: true, reason: null },
  insideContainer: false,
  engines: {
    pytorch: there,
    vllm: there,
    tensorrt: there,
    sglang: there,
    llamacpp: there,
    embedded: there,
    endpoint: there,
  },
  gpus: [],
  ...over,
})

/** The same node without the engines of some backends. */
export const without = (...backends: ReadonlyArray<Backend>): NodeFacts => {
  const all = facts()
  const gone = Object.fromEntries(
    backends.map((one) => [one, { available: false, reason: "it was not found on PATH" }]),
  )
  return { ...all, engines: { ...all.engines, ...gone } }
}

export const everyMode: ReadonlyArray<RunnerMode> = ["local", "docker", "slurm"]

export const localResolution = (...backends: ReadonlyArray<Backend>): Resolution => ({
  runners: Object.fromEntries(backends.map((one) => [one, { mode: "local", image: null, source: "yaml" }])),
  notices: [],
  findings: [],
  undecided: [],
})

/** Input for a plan of one experiment per given backend, in some cycles. */
export const planInput = (
  experiments: ReadonlyArray<Partial<Experiment>>,
  over: Partial<Plan.PlanInput> & { readonly cycles?: number; readonly facts?: NodeFacts } = {},
): Plan.PlanInput => {
  const planned = experiments.map((one, position) => ({
    index: position + 1,
    experiment: experiment(one),
    hash: (position + 1).toString(16).padStart(8, "0").repeat(8),
  }))
  const resolution = over.resolution ?? localResolution(...new Set(planned.map((one) => one.experiment.backend)))
  const { cycles = 1, facts: given = facts(), ...rest } = over
  return {
    study: { name: "study", kind: "study", hash: "ab".repeat(32) },
    experiments: planned,
    order: Array.from({ length: cycles }, (_, cycle) =>
      planned.map(({ index }) => ({ index, cycle: cycle + 1 })),
    ).flat(),
    execution: { experimentGapSeconds: null, cycleGapSeconds: null, timeouts: {} },
    judgement: Judge.judge({ resolution, facts: given, executors: everyMode }),
    skipped: [],
    notices: [],
    engine: () => null,
    ...rest,
    resolution,
  }
}
