import type { SchedulerCounts } from "./Scheduler.ts"

/** How a request ended: answered, left by its client, broken, or not taken. */
export const outcomes = ["completed", "cancelled", "failed", "refused"] as const
export type Outcome = (typeof outcomes)[number]

/** Sizes that do not change while a model is loaded. */
export interface EngineLimits {
  /** Tokens that one sequence has room for. */
  readonly contextPerSequence: number
  /** Tokens that all sequences together have room for. */
  readonly contextTokens: number
  readonly batchTokens: number
  readonly sequences: number
}

interface Metric {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge"
  readonly values: ReadonlyArray<readonly [labels: string, value: number]>
}

const single = (name: string, type: Metric["type"], help: string, value: number): Metric => ({
  name,
  help,
  type,
  values: [["", value]],
})

const ofModel = (counts: SchedulerCounts, limits: EngineLimits): ReadonlyArray<Metric> => {
  const tokens = counts.prefillTokens + counts.decodedTokens
  const room = counts.steps * limits.batchTokens
  return [
    single("prompt_tokens_total", "counter", "Prompt tokens processed.", counts.prefillTokens),
    single("cached_prompt_tokens_total", "counter", "Prompt tokens that the prefix cache had.", counts.cachedTokens),
    single("generated_tokens_total", "counter", "Tokens generated.", counts.generatedTokens),
    single("steps_total", "counter", "Steps of the model, each over one batch.", counts.steps),
    single("batch_tokens_total", "counter", "Tokens that the batches of all steps carried.", tokens),
    single("batch_limit_tokens", "gauge", "Tokens that one batch has room for.", limits.batchTokens),
    single(
      "batch_fill_ratio",
      "gauge",
      "Mean part of a batch that was filled, since the start.",
      room === 0 ? 0 : tokens / room,
    ),
    single("sequences_running", "gauge", "Sequences being generated.", counts.active),
    single("sequences_queued", "gauge", "Sequences that wait for their turn.", counts.queued),
    single("sequences_limit", "gauge", "Sequences that are generated at once at most.", limits.sequences),
    single("kv_cache_used_tokens", "gauge", "Tokens in the KV cache, of all sequences.", counts.contextTokens),
    single("kv_cache_size_tokens", "gauge", "Tokens that the KV cache has room for.", limits.contextTokens),
  ]
}

const written = ({ name, help, type, values }: Metric): string =>
  [
    `# HELP llem_engine_${name} ${help}`,
    `# TYPE llem_engine_${name} ${type}`,
    ...values.map(([labels, value]) => `llem_engine_${name}${labels} ${value}`),
  ].join("\n")

/** Content type of the text format of Prometheus. */
export const contentType = "text/plain; version=0.0.4; charset=utf-8"

/** The engine's figures in the text format of Prometheus; without a model, those of the server alone. */
export const render = (
  ended: ReadonlyMap<Outcome, number>,
  model: { readonly counts: SchedulerCounts; readonly limits: EngineLimits } | null,
): string => {
  const requests: Metric = {
    name: "requests_total",
    help: "Generation requests by how they ended.",
    type: "counter",
    values: outcomes.map((outcome) => [`{outcome="${outcome}"}`, ended.get(outcome) ?? 0]),
  }
  const metrics = [
    single("model_loaded", "gauge", "Whether the model is loaded, 1 or 0.", model === null ? 0 : 1),
    requests,
    ...(model === null ? [] : ofModel(model.counts, model.limits)),
  ]
  return `${metrics.map(written).join("\n")}\n`
}
