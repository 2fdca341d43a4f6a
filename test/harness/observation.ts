import type { DomainSeries } from "../../src/domain/Energy.ts"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { RequestRecord } from "../../src/domain/Request.ts"
import type { Observation } from "../../src/harness/Observation.ts"
import { launchOf } from "../lib/launch.ts"
import { seriesOf } from "../meters/series.ts"
import { cell } from "../store/samples.ts"

/** A domain that draws constant watts, sampled every `periodSeconds` from one time to another. */
export const steady = (
  watts: number,
  fromSeconds: number,
  toSeconds: number,
  over: Partial<DomainSeries> = {},
  periodSeconds = 0.1,
): DomainSeries => {
  const count = Math.round((toSeconds - fromSeconds) / periodSeconds) + 1
  return seriesOf(
    Array.from({ length: count }, (_, index) => {
      const at = fromSeconds + index * periodSeconds
      return [at, watts * at] as const
    }),
    over,
  )
}

export const cost = {
  sampleHz: 10,
  samples: 100,
  cpuSeconds: 0.01,
  gapP50Seconds: 0.1,
  gapP99Seconds: 0.1,
  gapMaxSeconds: 0.1,
  priority: "default",
}

/** What was seen of a cell that did these requests while this was sampled. */
export const observation = (
  requests: ReadonlyArray<RequestRecord>,
  series: ReadonlyArray<DomainSeries>,
  over: Partial<Observation> = {},
  experiment: Partial<Experiment> = {},
): Observation => ({
  cell: cell(1, 1, experiment),
  anchor: { monotonicSeconds: 100, unixMicros: 1_767_225_600_000_000 },
  launch: launchOf({ infoPath: "/props" }),
  model: { path: "/m.gguf", engineFolders: [], sizeBytes: 1, sha256: null, weights: null },
  engine: { container: null, reused: false, version: "1", details: {} },
  phases: [],
  workload: requests.map(({ id }) => ({ id, prompt: "p", maxOutputTokens: 3 })),
  exactLengths: true,
  requests,
  capacity: 2,
  client: { cpuSeconds: 0.01, sendLatenessP99Seconds: 0, connectionsOpened: 1 },
  warmup: null,
  metering: { off: false, domains: series, series, cost, baseline: [], baselineWhy: null },
  warnings: [],
  host: { hostName: "n", startedBy: "a", binarySha256: null, machine: {} },
  ...over,
})
