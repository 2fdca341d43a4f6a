import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import type { EfficiencyFigures, Reason, ResultDocument } from "../domain/ResultDocument.ts"
import { version } from "../domain/Version.ts"
import { durationSeconds, type Span, toRfc3339 } from "../domain/Window.ts"
import * as Energy from "./EnergyFigures.ts"
import { definitions } from "./figures/Definitions.ts"
import * as Efficiency from "./figures/Efficiency.ts"
import { type Figures, reasons, type Unavailable } from "./figures/Figures.ts"
import * as Flops from "./figures/Flops.ts"
import * as Latency from "./figures/Latency.ts"
import * as Output from "./figures/Output.ts"
import * as SteadyState from "./figures/SteadyState.ts"
import * as Throughput from "./figures/Throughput.ts"
import * as Verdict from "./figures/Verdict.ts"
import { type Observation, windowOf } from "./Observation.ts"

const sha256Hex = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)))

/** What environment.json says: the machine, the engine and its model as they were for this cell. */
export const environment = (seen: Observation): Readonly<Record<string, unknown>> => ({
  schema: "llem.environment/1",
  host: seen.host.hostName,
  machine: seen.host.machine,
  llem: { version, sha256: seen.host.binarySha256 },
  engine: { name: seen.launch.backend, version: seen.engine.version, details: seen.engine.details },
  container:
    seen.engine.container === null
      ? null
      : {
          id: seen.engine.container.id,
          image: seen.engine.container.image,
          image_digest: seen.engine.container.imageDigest,
          image_id: seen.engine.container.imageId,
          network: seen.engine.container.network,
          docker_version: seen.engine.container.dockerVersion,
        },
  model: {
    path: seen.model.path,
    sha256: seen.model.sha256,
    size_bytes: seen.model.sizeBytes,
    weights: seen.model.weights,
  },
})

const steadyFigures = (
  seen: Observation,
  steady: SteadyState.SteadyState,
): { readonly figures: EfficiencyFigures | null; readonly unavailable: Unavailable } => {
  if (steady.span === null) return { figures: null, unavailable: { efficiency_steady: steady.why } }
  const energy = Energy.totalOver(seen.metering, steady.span)
  const { cell } = seen
  const { experiment } = cell
  return Efficiency.of(
    {
      energyJoules: energy.joules,
      energyWhy: energy.why,
      durationSeconds: durationSeconds(steady.span),
      inputTokens: steady.inputTokens,
      outputTokens: steady.outputTokens,
      requests: steady.requests,
      tokensWhy: steady.tokensWhy,
      gpuCount: cell.placement.gpuUuids.length,
      energy: experiment.energy,
      cost: experiment.cost,
    },
    "efficiency_steady",
  )
}

const evidence = (
  seen: Observation,
  window: Span | null,
  energy: ReturnType<typeof Energy.of> | null,
): Verdict.Evidence => {
  const { experiment } = seen.cell
  const failed = seen.requests.filter((request) => request.error !== null)
  const first = failed[0]?.error
  const asked = new Map(seen.workload.map((request) => [request.id, request.maxOutputTokens]))
  const short = seen.requests.filter(
    (request) => request.outputTokens !== null && request.outputTokens < (asked.get(request.id) ?? 0),
  )
  const scope = energy?.figures.total_scope ?? []
  const { cost } = seen.metering
  return {
    mock: false,
    requests: seen.requests.length,
    failedRequests: failed.length,
    firstFailure: first === undefined || first === null ? null : `${first.kind}: ${first.message}`,
    windowSeconds: window === null ? null : durationSeconds(window),
    meteringOff: seen.metering.off,
    energy: {
      totalJoules: energy?.joules ?? null,
      quality: energy?.figures.quality ?? "unavailable",
      why: energy === null ? "there is no window" : energy.why,
      edgeJoules: window === null ? null : Energy.edgeJoules(seen.metering, window, scope),
    },
    sampling:
      cost === null || window === null
        ? null
        : {
            sampleHz: cost.sampleHz,
            gapMaxSeconds: cost.gapMaxSeconds,
            ...Energy.coverage(seen.metering, window, scope),
          },
    client:
      window === null
        ? null
        : {
            cpuShare: seen.client.cpuSeconds / durationSeconds(window),
            sendLatenessP99Seconds: seen.client.sendLatenessP99Seconds,
          },
    thermalFloorSeconds: experiment.warmup.enabled ? experiment.warmup.thermal_floor_seconds : null,
    shortOutputs: seen.exactLengths ? short.length : null,
    longInputs: seen.requests.filter((request) => (request.inputTokens ?? 0) > longestInput(seen)).length,
  }
}

const longestInput = ({ cell: { experiment } }: Observation): number =>
  typeof experiment.dataset === "string" ? experiment.max_input_tokens : experiment.dataset.input_len

const reason = ({ code, message }: { readonly code: string; readonly message: string }): Reason => ({ code, message })

/** The phases as offsets from the window's first request. */
const phaseFigures = (seen: Observation, origin: number): ResultDocument["phases"] =>
  seen.phases.map(({ phase, span }) => ({
    phase,
    start_offset_seconds: span.startSeconds - origin,
    duration_seconds: durationSeconds(span),
  }))

const engineFigures = (seen: Observation): ResultDocument["engine"] => ({
  name: seen.launch.backend,
  version: seen.engine.version,
  launch: { argv: seen.launch.argv, env_names: Object.keys(seen.launch.env).sort() },
  model: {
    path: seen.model.path,
    sha256: seen.model.sha256,
    size_bytes: seen.model.sizeBytes,
    weight_format: seen.model.weights?.format ?? null,
    parameters: seen.model.weights?.parameters ?? null,
    non_embedding_parameters: seen.model.weights?.nonEmbeddingParameters ?? null,
  },
  details: { ...seen.engine.details, reused: seen.engine.reused },
})

const samplingFigures = (seen: Observation): ResultDocument["sampling"] => {
  const { cost } = seen.metering
  return cost === null
    ? null
    : {
        sample_hz: cost.sampleHz,
        samples: cost.samples,
        cpu_seconds: cost.cpuSeconds,
        gap_p50_seconds: cost.gapP50Seconds,
        gap_p99_seconds: cost.gapP99Seconds,
        gap_max_seconds: cost.gapMaxSeconds,
        priority: cost.priority,
      }
}

/** Why a model's shape is not told. */
const noWeights = ({ model }: Observation): Readonly<Record<string, string>> => {
  if (model.weights !== null) return {}
  const why = "the model's files do not tell: its weights are quantised, or not in safetensors files"
  return Object.fromEntries(
    ["weight_format", "parameters", "non_embedding_parameters"].map((name) => [`engine.model.${name}`, why]),
  )
}

/** Reasons of the nulls that stand outside the figures proper. */
const otherReasons = (seen: Observation, output: unknown): Unavailable => {
  const { runner } = seen.cell
  const notContainer = runner.mode === "local" ? "the engine ran as a local process" : null
  const noCv =
    seen.warmup === null
      ? "warmup.enabled is false"
      : seen.cell.experiment.warmup.convergence_detection
        ? "fewer than two warm-up prompts brought tokens"
        : "warmup.convergence_detection is false"
  return reasons({
    "runner.image": notContainer,
    "runner.image_digest": notContainer,
    "runner.container_id": notContainer,
    "runner.network": notContainer,
    "engine.model.sha256": seen.model.sha256 === null ? "the model is a folder of several files" : null,
    ...noWeights(seen),
    "engine.version": seen.engine.version === null ? "the engine does not tell its version" : null,
    warmup: seen.warmup === null ? noCv : null,
    "warmup.converged": seen.warmup?.converged === null ? noCv : null,
    "warmup.cv": seen.warmup?.cv === null ? noCv : null,
    "warmup.target_cv": seen.warmup?.targetCv === null ? noCv : null,
    sampling: seen.metering.cost === null ? "metering is off (energy.backend is null)" : null,
    output: output === null ? "no request succeeded" : null,
    "provenance.llem_sha256": seen.host.binarySha256 === null ? "llem ran from its sources" : null,
    error: "the cell completed",
  })
}

/** A published port is served by a copy in user space, whose latency and joules are in the figures. */
const publishedPort: Reason = {
  code: "published_port",
  message:
    "The engine was reached through a published port: Docker's proxy stood in between, and its latency and energy are in the figures",
}

/** What the container was not as it should have been. */
const containerWarnings = ({ engine: { container } }: Observation): ReadonlyArray<Reason> =>
  container === null
    ? []
    : [
        ...(container.network === "published_port" ? [publishedPort] : []),
        ...container.warnings.map((said) => ({ code: "docker_warning", message: `The Docker daemon warned: ${said}` })),
      ]

/** The result of one cell: every figure from what was seen, the verdict, and the reason of every figure that is null. */
export const document = (seen: Observation): ResultDocument => {
  const { cell, anchor } = seen
  const { experiment } = cell
  const window = windowOf(seen.requests)
  const noWindow = "no token was received, so there is no window"
  const throughput = Throughput.of(seen.requests, window, experiment.load.slo)
  const latency = Latency.of(seen.requests)
  const energy = window === null ? null : Energy.of(seen.metering, window)
  const steady = SteadyState.of(seen.requests, seen.capacity)
  const efficiency: Figures<EfficiencyFigures> | null =
    window === null || energy === null
      ? null
      : Efficiency.of({
          energyJoules: energy.joules,
          energyWhy: energy.why,
          durationSeconds: durationSeconds(window),
          inputTokens: throughput.figures.input_tokens,
          outputTokens: throughput.figures.output_tokens,
          requests: throughput.figures.requests,
          tokensWhy: null,
          gpuCount: cell.placement.gpuUuids.length,
          energy: experiment.energy,
          cost: experiment.cost,
        })
  const efficiencySteady = steadyFigures(seen, steady)
  const flops = Flops.of({
    nonEmbeddingParameters: seen.model.weights?.nonEmbeddingParameters ?? null,
    inputTokens: throughput.figures.input_tokens,
    outputTokens: throughput.figures.output_tokens,
    durationSeconds: window === null ? null : durationSeconds(window),
  })
  const output = Output.of(seen.requests, sha256Hex)
  const verdict = Verdict.judge(evidence(seen, window, energy))
  const origin = window?.startSeconds ?? anchor.monotonicSeconds
  return {
    schema: "llem.result/1",
    experiment: { hash: cell.hash, index: cell.index, cycle: cell.cycle, config: experiment },
    status: "completed",
    error: null,
    verdict: {
      valid: verdict.valid,
      reasons: verdict.reasons.map(reason),
      warnings: [...verdict.warnings, ...seen.warnings, ...containerWarnings(seen)].map(reason),
    },
    runner: {
      mode: cell.runner.mode,
      image: cell.runner.mode === "local" ? null : (seen.engine.container?.image ?? cell.runner.image),
      image_digest: seen.engine.container?.imageDigest ?? null,
      container_id: seen.engine.container?.id ?? null,
      network: seen.engine.container?.network ?? null,
    },
    engine: engineFigures(seen),
    window:
      window === null
        ? null
        : {
            started_at: toRfc3339(anchor, window.startSeconds),
            ended_at: toRfc3339(anchor, window.endSeconds),
            duration_seconds: durationSeconds(window),
            steady:
              steady.span === null
                ? null
                : {
                    start_offset_seconds: steady.span.startSeconds - window.startSeconds,
                    duration_seconds: durationSeconds(steady.span),
                  },
          },
    phases: phaseFigures(seen, origin),
    energy: energy?.figures ?? null,
    throughput: throughput.figures,
    latency: latency.figures,
    efficiency: efficiency?.figures ?? null,
    efficiency_steady: efficiencySteady.figures,
    output,
    flops: flops.figures,
    warmup:
      seen.warmup === null
        ? null
        : {
            requests: seen.warmup.requests,
            converged: seen.warmup.converged,
            cv: seen.warmup.cv,
            target_cv: seen.warmup.targetCv,
          },
    sampling: samplingFigures(seen),
    client: {
      cpu_seconds: seen.client.cpuSeconds,
      cpu_share: window === null ? null : seen.client.cpuSeconds / durationSeconds(window),
      send_lateness_p99_seconds: seen.client.sendLatenessP99Seconds,
      connections_opened: seen.client.connectionsOpened,
    },
    unavailable: {
      ...otherReasons(seen, output),
      ...reasons({
        window: window === null ? noWindow : null,
        energy: window === null ? noWindow : null,
        efficiency: window === null ? noWindow : null,
        "client.cpu_share": window === null ? noWindow : null,
        "window.steady": steady.span === null ? steady.why : null,
      }),
      ...throughput.unavailable,
      ...latency.unavailable,
      ...(energy?.unavailable ?? {}),
      ...(efficiency?.unavailable ?? {}),
      ...efficiencySteady.unavailable,
      ...flops.unavailable,
    },
    definitions,
    clock: {
      source: "CLOCK_MONOTONIC",
      anchor_monotonic_seconds: anchor.monotonicSeconds,
      anchor_unix_micros: anchor.unixMicros,
      window_start_monotonic_seconds: origin,
    },
    provenance: {
      llem_version: version,
      llem_sha256: seen.host.binarySha256,
      host: seen.host.hostName,
      started_by: seen.host.startedBy,
    },
  }
}
