import { Effect, Layer } from "effect"
import { MeterError } from "../domain/Failure.ts"
import { reasonOf } from "../domain/Unknown.ts"
import { monotonicSeconds } from "../platform/libc.ts"
import { type RunningSampler, startSampler } from "../platform/sampler.ts"
import * as Estimate from "./estimate.ts"
import { Meter, type MeterRequest, type MeterSession } from "./Meter.ts"
import * as Rapl from "./rapl.ts"
import { noSampling, samplingCost } from "./SamplingCost.ts"
import { type Probed, type Source, toSeries } from "./Sources.ts"

/** Where this node's meters are looked for, and what the estimate assumes. */
export interface NodeMeterOptions {
  readonly sysfsRoot: string
  readonly wattsPerCore: number
}

const defaults: NodeMeterOptions = { sysfsRoot: "/sys", wattsPerCore: Estimate.defaultWattsPerCore }

/** Over this time the live power is averaged. */
const LIVE_SECONDS = 1

const backends = ["auto", "rapl", "estimate"]

const gpuWithoutMeter = (uuid: string): Probed => ({
  info: {
    domain: `gpu:${uuid}`,
    meter: "nvml",
    quality: "unavailable",
    nestedIn: null,
    inTotal: true,
    why: "no NVML meter in this build",
    relativeUncertainty: 0,
  },
  source: null,
})

const notUsable = (backend: string, why: string, fix: string): MeterError =>
  new MeterError({ reason: "unavailable", message: `The meter ${backend} cannot be used: ${why}.`, fix, details: {} })

/** Every domain that should be there for a backend, readable or not. */
const probe = Effect.fnUntraced(function* (request: MeterRequest, options: NodeMeterOptions) {
  const { backend } = request
  if (backend === null) return []
  const gpus = request.gpuUuids.map(gpuWithoutMeter)
  if (backend === "estimate")
    return [Estimate.probe({ wattsPerCore: options.wattsPerCore, measuredPackage: null }), ...gpus]
  if (backend !== "auto" && backend !== "rapl")
    return yield* notUsable(
      backend,
      "this build has no such meter",
      `Set energy.backend to one of ${backends.join(", ")}, or to null for no metering.`,
    )
  const rapl = yield* Effect.sync(() => Rapl.probe(options.sysfsRoot))
  const measured = rapl.find((found) => Rapl.measuresPackages([found]))
  if (backend === "rapl") {
    if (measured !== undefined) return [...rapl, ...gpus]
    const why = rapl.find(({ info }) => info.why !== null)?.info.why ?? "no CPU package is among its domains"
    return yield* notUsable(backend, why, "Make RAPL readable as it says there, or set energy.backend to auto.")
  }
  const estimate = Estimate.probe({
    wattsPerCore: options.wattsPerCore,
    measuredPackage: measured?.info.domain ?? null,
  })
  return [...rapl, estimate, ...gpus]
})

const start = (sources: ReadonlyArray<Source>, sampleHz: number) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => startSampler({ sources, sampleHz }),
      catch: (cause) =>
        new MeterError({
          reason: "unavailable",
          message: `Sampling of the meters could not start: ${reasonOf(cause)}`,
          fix: "Run llem doctor; set energy.backend to null to go on without metering.",
          details: {},
        }),
    }),
    (sampler) => Effect.promise(() => sampler.stop()),
  )

interface Sampled {
  readonly info: Probed["info"]
  readonly source: Source
}

/** Latest watts of one source; null before it has moved on. */
const watts = (sampler: RunningSampler, index: number, { info, source }: Sampled): number | null => {
  const recent = sampler.recent(index, LIVE_SECONDS)
  if (recent === null) return null
  const series = toSeries(info, source, {
    timesSeconds: Float64Array.of(recent.fromSeconds, recent.toSeconds),
    values: Float64Array.of(recent.fromValue, recent.toValue),
    lost: null,
  })
  const [from, to] = series.values
  if (from === undefined || to === undefined || (series.breaks ?? []).length > 0) return null
  return series.kind === "power" ? to : (to - from) / (recent.toSeconds - recent.fromSeconds)
}

const open = Effect.fn("Meter.open")(function* (request: MeterRequest, options: NodeMeterOptions) {
  const probed = yield* probe(request, options)
  const domains = probed.map(({ info }) => info)
  const sampled = probed.flatMap(
    ({ info, source }): ReadonlyArray<Sampled> => (source === null ? [] : [{ info, source }]),
  )
  if (sampled.length === 0) {
    const nothing: MeterSession = {
      domains,
      watchProcesses: () => Effect.void,
      currentWatts: Effect.succeed(null),
      read: Effect.succeed({ series: [], cost: noSampling }),
    }
    return nothing
  }
  const sampler = yield* start(
    sampled.map(({ source }) => source),
    request.sampleHz,
  )
  const session: MeterSession = {
    domains,
    watchProcesses: (rootPids) => Effect.sync(() => sampler.watch(rootPids)),
    currentWatts: Effect.sync(() => {
      const known = sampled.flatMap((entry, index) => (entry.info.inTotal ? (watts(sampler, index, entry) ?? []) : []))
      return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0)
    }),
    read: Effect.promise(async () => {
      await sampler.sampledAfter(monotonicSeconds(), 2 / request.sampleHz + 1)
      const snapshot = sampler.snapshot()
      return {
        series: sampled.flatMap(({ info, source }, index) => {
          const raw = snapshot.sources[index]
          return raw === undefined ? [] : [toSeries(info, source, raw)]
        }),
        cost: samplingCost(request.sampleHz, snapshot),
      }
    }),
  }
  return session
})

/** The meters of this node: RAPL where it is readable, the estimate, and what is missing with its reason. */
export const layer = (options: Partial<NodeMeterOptions> = {}) =>
  Layer.succeed(Meter, Meter.of({ open: (request) => open(request, { ...defaults, ...options }) }))
