import { Schema } from "effect"
import { Quality } from "./Energy.ts"
import { Experiment } from "./Experiment.ts"
import { described } from "./Fields.ts"

// The document's field names are those of the file (snake_case, with units); everything before it is camelCase.

const Nullable = <S extends Schema.Constraint>(schema: S) => Schema.NullOr(schema)
const Num = Nullable(Schema.Finite)
const Reason = Schema.Struct({ code: Schema.String, message: Schema.String })
export type Reason = typeof Reason.Type

/** Percentiles are linear between closest ranks (Hyndman and Fan's type 7, NumPy's default). */
export const Distribution = Schema.Struct({
  mean: Schema.Finite,
  std: described(Num, "Sample standard deviation; null exactly when count is 1"),
  min: Schema.Finite,
  p50: Schema.Finite,
  p90: Schema.Finite,
  p95: Schema.Finite,
  p99: Schema.Finite,
  max: Schema.Finite,
  count: Schema.Int,
})
export type Distribution = typeof Distribution.Type

const DomainFigures = Schema.Struct({
  domain: Schema.String,
  meter: Schema.String,
  quality: Quality,
  joules: described(Num, "Joules of this domain over the window; null exactly when quality is unavailable"),
  uncertainty_joules: described(Num, "One standard deviation"),
  baseline_watts: described(Num, "Idle power of this domain; null when no baseline was taken"),
  adjusted_joules: described(Num, "Joules above the idle baseline, signed"),
  why: described(Nullable(Schema.String), "The assumptions of an estimate, or why there is no figure"),
})

export const EnergyFigures = Schema.Struct({
  domains: Schema.Array(DomainFigures),
  total_joules: described(Num, "Joules over the window, summed over total_scope"),
  total_uncertainty_joules: Num,
  quality: Quality,
  total_scope: Schema.Array(Schema.String),
  total_missing: Schema.Array(Schema.Struct({ domain: Schema.String, why: Schema.String })),
})
export type EnergyFigures = typeof EnergyFigures.Type

export const ThroughputFigures = Schema.Struct({
  requests: Schema.Int,
  failed_requests: Schema.Int,
  input_tokens: Schema.Int,
  output_tokens: Schema.Int,
  output_tokens_per_second: Num,
  requests_per_second: Num,
  goodput_requests_per_second: described(Num, "Requests per second that met every limit of load.slo"),
})
export type ThroughputFigures = typeof ThroughputFigures.Type

export const LatencyFigures = Schema.Struct({
  ttft_seconds: Nullable(Distribution),
  tpot_seconds: Nullable(Distribution),
  itl_seconds: Nullable(Distribution),
  e2e_seconds: Nullable(Distribution),
})
export type LatencyFigures = typeof LatencyFigures.Type

export const EfficiencyFigures = Schema.Struct({
  joules_per_output_token: Num,
  joules_per_token: Num,
  joules_per_request: Num,
  output_tokens_per_joule: Num,
  co2e_grams: Num,
  energy_cost_per_million_output_tokens: Num,
  machine_cost_per_million_output_tokens: Num,
  currency: Nullable(Schema.String),
})
export type EfficiencyFigures = typeof EfficiencyFigures.Type

export const FlopsFigures = Schema.Struct({
  total: Num,
  per_output_token: Num,
  flops_per_second: Num,
  why: Nullable(Schema.String),
})
export type FlopsFigures = typeof FlopsFigures.Type

const Span = Schema.Struct({
  phase: Schema.String,
  start_offset_seconds: Schema.Finite,
  duration_seconds: Schema.Finite,
})

export const WindowFigures = Schema.Struct({
  started_at: Schema.String,
  ended_at: Schema.String,
  duration_seconds: Schema.Finite,
  steady: described(
    Nullable(Schema.Struct({ start_offset_seconds: Schema.Finite, duration_seconds: Schema.Finite })),
    "The part of the window in which the load was steady",
  ),
})

export const RunnerFigures = Schema.Struct({
  mode: Schema.Literals(["local", "docker", "slurm", "mock"]),
  image: Nullable(Schema.String),
  image_digest: Nullable(Schema.String),
  container_id: Nullable(Schema.String),
  /** How the container was reached: its own address on a private network, or a port published on the loopback interface. */
  network: Nullable(Schema.Literals(["private", "published_port"])),
})

/**
 * `result.json`. A figure that was not measured is null with its reason in `unavailable`
 * (keyed by its path, e.g. `latency.tpot_seconds`), never 0 and never absent.
 */
export const ResultDocument = Schema.Struct({
  schema: Schema.Literal("llem.result/1"),
  experiment: Schema.Struct({
    hash: Schema.String,
    index: Schema.Int,
    cycle: Schema.Int,
    config: Experiment,
  }),
  status: Schema.Literals(["completed", "failed"]),
  error: Nullable(
    Schema.Struct({
      type: Schema.String,
      message: Schema.String,
      fix: Schema.String,
      details: Schema.Record(Schema.String, Schema.Unknown),
    }),
  ),
  verdict: Schema.Struct({
    valid: Schema.Boolean,
    reasons: Schema.Array(Reason),
    warnings: Schema.Array(Reason),
  }),
  runner: RunnerFigures,
  engine: Nullable(
    Schema.Struct({
      name: Schema.String,
      version: Nullable(Schema.String),
      launch: Schema.Struct({ argv: Schema.Array(Schema.String), env_names: Schema.Array(Schema.String) }),
      model: Schema.Struct({
        path: Schema.String,
        sha256: Nullable(Schema.String),
        size_bytes: Nullable(Schema.Int),
        weight_format: Nullable(Schema.String),
        parameters: Nullable(Schema.Int),
        non_embedding_parameters: Nullable(Schema.Int),
      }),
      details: Schema.Record(Schema.String, Schema.Unknown),
    }),
  ),
  window: Nullable(WindowFigures),
  phases: described(Schema.Array(Span), "Every phase as an offset in seconds from the window's start"),
  energy: Nullable(EnergyFigures),
  throughput: Nullable(ThroughputFigures),
  latency: Nullable(LatencyFigures),
  efficiency: Nullable(EfficiencyFigures),
  efficiency_steady: described(Nullable(EfficiencyFigures), "The same figures over the steady part of the window"),
  output: Nullable(
    Schema.Struct({
      sample: described(Schema.String, "The first request's text"),
      sha256: described(Schema.String, "Of all token ids, or of all texts where there are none"),
    }),
  ),
  flops: Nullable(FlopsFigures),
  warmup: Nullable(
    Schema.Struct({ requests: Schema.Int, converged: Nullable(Schema.Boolean), cv: Num, target_cv: Num }),
  ),
  sampling: Nullable(
    Schema.Struct({
      sample_hz: Schema.Finite,
      samples: Schema.Int,
      cpu_seconds: Schema.Finite,
      gap_p50_seconds: Num,
      gap_p99_seconds: Num,
      gap_max_seconds: Num,
      priority: Schema.String,
    }),
  ),
  client: Nullable(
    Schema.Struct({
      cpu_seconds: Schema.Finite,
      cpu_share: Num,
      send_lateness_p99_seconds: Schema.Finite,
      connections_opened: Schema.Int,
    }),
  ),
  unavailable: described(Schema.Record(Schema.String, Schema.String), "Reason of every null figure, by its path"),
  definitions: Schema.Record(Schema.String, Schema.String),
  clock: Nullable(
    Schema.Struct({
      source: Schema.String,
      anchor_monotonic_seconds: Schema.Finite,
      anchor_unix_micros: Schema.Int,
      window_start_monotonic_seconds: Schema.Finite,
    }),
  ),
  provenance: Schema.Struct({
    llem_version: Schema.String,
    llem_sha256: Nullable(Schema.String),
    host: Schema.String,
    started_by: Schema.String,
  }),
})
export type ResultDocument = typeof ResultDocument.Type
