import { limitsOf } from "../../src/domain/Container.ts"
import type { DomainSeries } from "../../src/domain/Energy.ts"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { Cell, Plan } from "../../src/domain/Plan.ts"
import type { RequestRecord } from "../../src/domain/Request.ts"
import type { ResultDocument } from "../../src/domain/ResultDocument.ts"
import type { StudyEvent } from "../../src/domain/StudyEvent.ts"

export const experiment = (over: Partial<Experiment> = {}): Experiment => ({
  model: "/models/SmolLM2-135M-Instruct.Q4_1.gguf",
  backend: "embedded",
  n: 20,
  precision: null,
  random_seed: 42,
  dataset: { n: 20, input_len: 32, output_len: 16, seed: 42 },
  dataset_order: "interleaved",
  max_input_tokens: 512,
  max_output_tokens: 128,
  decoder: { temperature: 0, do_sample: false, top_k: 0, top_p: 1, repetition_penalty: 1 },
  warmup: {
    enabled: true,
    n_warmup: 5,
    thermal_floor_seconds: 0,
    convergence_detection: false,
    cv_threshold: 0.05,
    max_prompts: 20,
    window_size: 5,
    min_prompts: 5,
  },
  baseline: { enabled: true, duration_seconds: 30 },
  energy: { backend: "auto", sample_hz: 10 },
  load: { mode: "offline" },
  ...over,
})

export const cell = (index: number, cycle = 1, over: Partial<Experiment> = {}): Cell => ({
  index,
  cycle,
  hash: index.toString(16).padStart(8, "0").repeat(8),
  experiment: experiment({ embedded: { batch_size: index }, ...over }),
  runner: { mode: "local", image: null, source: "auto_detected" },
  placement: { gpuUuids: [], container: limitsOf({}), gate: "warn" },
  timeoutSeconds: 3600,
  timeouts: { launchSeconds: 600, warmupSeconds: 600, windowSeconds: 3600, silenceSeconds: 120 },
  skip: null,
})

/** A study of some experiments in some cycles. */
export const plan = (experiments: number, cycles = 1, over: Partial<Plan> = {}): Plan => ({
  study: { name: "batch sizes", kind: "study", hash: "ab".repeat(32) },
  counts: { experiments, cycles, cells: experiments * cycles, skipped: 0 },
  runners: { embedded: { mode: "local", image: null, source: "auto_detected" } },
  notices: [],
  findings: [],
  cells: Array.from({ length: cycles }, (_, cycle) =>
    Array.from({ length: experiments }, (__, index) => cell(index + 1, cycle + 1)),
  ).flat(),
  skipped: [],
  experimentGapSeconds: 0,
  cycleGapSeconds: 0,
  expectedSeconds: 60,
  ...over,
})

/** plan.json in the parts of its outer form that readers of a study need. */
export const planDocument = (of: Plan) => ({
  schema: "llem.plan/1",
  study: of.study,
  runners: of.runners,
  cells: of.cells.map(({ index, cycle, hash, experiment: config, skip }) => ({
    index,
    cycle,
    hash,
    backend: config.backend,
    config,
    skip,
  })),
})

const distribution = (p50: number) => ({
  mean: p50 * 1.02,
  std: p50 / 10,
  min: p50 / 2,
  p50,
  p90: p50 * 1.4,
  p95: p50 * 1.5,
  p99: p50 * 1.9,
  max: p50 * 2,
  count: 20,
})

export interface Figures {
  readonly tokensPerSecond: number
  readonly joulesPerToken: number | null
  readonly quality: "measured" | "estimated" | "unavailable"
  readonly invalid: string | null
  readonly ttftSeconds: number
}

/** A completed cell's document; 320 output tokens at the given speed. */
export const result = (of: Cell, given: Partial<Figures> = {}): ResultDocument => {
  const figures: Figures = {
    tokensPerSecond: 100,
    joulesPerToken: 0.2,
    quality: "measured",
    invalid: null,
    ttftSeconds: 0.05,
    ...given,
  }
  const duration = 320 / figures.tokensPerSecond
  const joules = figures.joulesPerToken === null ? null : figures.joulesPerToken * 320
  const efficiency = {
    joules_per_output_token: figures.joulesPerToken,
    joules_per_token: joules === null ? null : joules / 960,
    joules_per_request: joules === null ? null : joules / 20,
    output_tokens_per_joule: joules === null ? null : 320 / joules,
    co2e_grams: null,
    energy_cost_per_million_output_tokens: null,
    machine_cost_per_million_output_tokens: null,
    currency: null,
  }
  const noEnergy: Record<string, string> =
    joules === null ? { energy: "no domain is readable", efficiency: "no energy", efficiency_steady: "no energy" } : {}
  return {
    schema: "llem.result/1",
    experiment: { hash: of.hash, index: of.index, cycle: of.cycle, config: of.experiment },
    status: "completed",
    error: null,
    verdict: {
      valid: figures.invalid === null,
      reasons: figures.invalid === null ? [] : [{ code: figures.invalid, message: `Because of ${figures.invalid}` }],
      warnings: [{ code: "short_window", message: "The window is shorter than 10 s" }],
    },
    runner: { mode: "local", image: null, image_digest: null, container_id: null, network: null },
    engine: {
      name: "embedded",
      version: "b1234",
      launch: { argv: ["__engine", "--model", "m.gguf"], env_names: ["PATH"] },
      model: {
        path: "/models/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256: "cd".repeat(32),
        size_bytes: 98765432,
        weight_format: "Q4_1",
        parameters: 134515008,
        non_embedding_parameters: 106203456,
      },
      details: {},
    },
    window: {
      started_at: "2026-03-01T10:00:00.000001Z",
      ended_at: "2026-03-01T10:00:03.200001Z",
      duration_seconds: duration,
      steady: { start_offset_seconds: 0.5, duration_seconds: duration - 1 },
    },
    phases: [
      { phase: "load", start_offset_seconds: -2, duration_seconds: 1.5 },
      { phase: "window", start_offset_seconds: 0, duration_seconds: duration },
    ],
    energy: {
      domains: [
        {
          domain: "cpu:package-0",
          meter: figures.quality === "estimated" ? "estimate" : "rapl",
          quality: figures.quality,
          joules,
          uncertainty_joules: joules === null ? null : joules / 50,
          baseline_watts: joules === null ? null : 5,
          adjusted_joules: joules === null ? null : joules - 5 * duration,
          why: figures.quality === "measured" ? null : "RAPL is not readable here",
        },
      ],
      total_joules: joules,
      total_uncertainty_joules: joules === null ? null : joules / 50,
      quality: figures.quality,
      total_scope: joules === null ? [] : ["cpu:package-0"],
      total_missing: joules === null ? [{ domain: "cpu:package-0", why: "RAPL is not readable here" }] : [],
    },
    throughput: {
      requests: 20,
      failed_requests: 0,
      input_tokens: 640,
      output_tokens: 320,
      output_tokens_per_second: figures.tokensPerSecond,
      requests_per_second: 20 / duration,
      goodput_requests_per_second: null,
    },
    latency: {
      ttft_seconds: distribution(figures.ttftSeconds),
      tpot_seconds: distribution(0.0085),
      itl_seconds: distribution(0.0084),
      e2e_seconds: distribution(0.2),
    },
    efficiency,
    efficiency_steady: efficiency,
    output: { sample: "Once upon a time", sha256: "ef".repeat(32) },
    flops: { total: 1e12, per_output_token: 2.7e8, flops_per_second: 1e12 / duration, why: null },
    warmup: { requests: 5, converged: null, cv: null, target_cv: null },
    sampling: {
      sample_hz: 10,
      samples: 64,
      cpu_seconds: 0.01,
      gap_p50_seconds: 0.1,
      gap_p99_seconds: 0.104,
      gap_max_seconds: 0.11,
      priority: "default",
    },
    client: {
      cpu_seconds: 0.05,
      cpu_share: 0.016,
      send_lateness_p99_seconds: 0.0004,
      connections_opened: 1,
    },
    unavailable: {
      "throughput.goodput_requests_per_second": "no service level is set in load.slo",
      "efficiency.co2e_grams": "energy.carbon_intensity_gco2_kwh is not set",
      "efficiency.energy_cost_per_million_output_tokens": "cost.per_kwh is not set",
      "efficiency.machine_cost_per_million_output_tokens": "cost.per_gpu_hour is not set",
      "efficiency_steady.co2e_grams": "energy.carbon_intensity_gco2_kwh is not set",
      "efficiency_steady.energy_cost_per_million_output_tokens": "cost.per_kwh is not set",
      "efficiency_steady.machine_cost_per_million_output_tokens": "cost.per_gpu_hour is not set",
      warmup: "a fixed number of requests, convergence was not asked for",
      ...noEnergy,
    },
    definitions: { tpot: "(last token - first token) / (output tokens - 1)" },
    clock: {
      source: "CLOCK_MONOTONIC",
      anchor_monotonic_seconds: 1000,
      anchor_unix_micros: 1772359200000001,
      window_start_monotonic_seconds: 1000,
    },
    provenance: { llem_version: "0.1.0", llem_sha256: null, host: "node1", started_by: "ada" },
  }
}

export const request = (id: number, chunks = 3): RequestRecord => ({
  id,
  scheduledSeconds: id,
  sentSeconds: id + 0.001,
  firstTokenSeconds: id + 0.05,
  lastTokenSeconds: id + 0.05 + (chunks - 1) / 100,
  endSeconds: id + 0.06 + chunks / 100,
  inputTokens: 32,
  outputTokens: chunks,
  finishReason: "length",
  error: null,
  text: `text ${id} é 漢 😀`,
  tokenIds: Array.from({ length: chunks }, (_, position) => position),
  chunkSeconds: Float64Array.from({ length: chunks }, (_, position) => id + 0.05 + position / 100),
  chunkTokens: new Int32Array(chunks).fill(1),
})

export const series = (domain: string, samples: number): DomainSeries => ({
  domain,
  meter: "rapl",
  quality: "measured",
  nestedIn: null,
  inTotal: true,
  why: null,
  relativeUncertainty: 0,
  kind: "counter",
  resolution: 1e-6,
  timesSeconds: Float64Array.from({ length: samples }, (_, position) => 1000 + position / 10),
  values: Float64Array.from({ length: samples }, (_, position) => position * 1.5),
  lostAtSeconds: null,
})

const at = "2026-03-01T10:00:00.000001Z"

export const started = (of: Plan): StudyEvent => ({
  event: "study_started",
  at,
  study_name: of.study.name,
  study_hash: of.study.hash,
  cells: of.cells.length,
  directory: "results/x",
  llem_version: "0.1.0",
})

export const finished = (completed: number): StudyEvent => ({
  event: "study_finished",
  at: "2026-03-01T10:05:00.000001Z",
  status: "completed",
  completed,
  failed: 0,
  skipped: 0,
  interrupted: 0,
})

const ref = ({ index, cycle, hash }: Cell) => ({ index, cycle, hash })

export const cellStarted = (of: Cell): StudyEvent => ({
  event: "cell_started",
  at,
  ...ref(of),
  backend: of.experiment.backend,
  runner: of.runner.mode,
  summary: "a cell",
})

export const cellCompleted = (of: Cell, file = `cells/${of.index}-${of.cycle}/result.json`): StudyEvent => ({
  event: "cell_completed",
  at: "2026-03-01T10:00:04.000001Z",
  ...ref(of),
  result_file: file,
  figures: {
    valid: true,
    energy_joules: 64,
    energy_quality: "measured",
    output_tokens_per_second: 100,
    duration_seconds: 3.2,
  },
})

export const cellFailed = (of: Cell): StudyEvent => ({
  event: "cell_failed",
  at: "2026-03-01T10:00:04.000001Z",
  ...ref(of),
  result_file: null,
  error_type: "EngineError.crash",
  error_message: "The embedded engine was ended by signal SIGSEGV",
})

export const cellSkipped = (of: Cell): StudyEvent => ({
  event: "cell_skipped",
  at,
  ...ref(of),
  code: "backend_unavailable",
  message: "vllm is not installed here",
})
