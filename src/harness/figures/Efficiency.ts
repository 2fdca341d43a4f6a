import type { Experiment } from "../../domain/Experiment.ts"
import type { EfficiencyFigures } from "../../domain/ResultDocument.ts"
import { type Figures, reasons } from "./Figures.ts"

/** What efficiency is computed from: totals over one span. */
export interface EfficiencyInput {
  /** null with the reason in `energyWhy`. */
  readonly energyJoules: number | null
  readonly energyWhy: string | null
  readonly durationSeconds: number
  /** null with the reason in `tokensWhy`. */
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly requests: number
  readonly tokensWhy: string | null
  /** GPUs that the engine had; null when it is not known. */
  readonly gpuCount: number | null
  readonly energy: Pick<Experiment["energy"], "carbon_intensity_gco2_kwh" | "datacenter_pue">
  readonly cost: Experiment["cost"]
}

const joulesPerKwh = 3.6e6

const divided = (dividend: number | null, divisor: number | null): number | null =>
  dividend === null || divisor === null || divisor === 0 ? null : dividend / divisor

/** A figure of this name, or why it is null. */
interface Entry {
  readonly value: number | null
  readonly why: string | null
}

const entry = (value: number | null, ...whys: ReadonlyArray<string | null>): Entry => ({
  value,
  why: value === null ? (whys.find((why) => why !== null) ?? "it cannot be computed from these figures") : null,
})

/**
 * Energy, carbon and cost per unit of work: totals over one span, never means of parts. `section` is the name of the
 * part of the result (`efficiency`, `efficiency_steady`) that the reasons are keyed by.
 */
export const of = (input: EfficiencyInput, section = "efficiency"): Figures<EfficiencyFigures> => {
  const { energyJoules: joules, energyWhy, outputTokens: output, inputTokens, tokensWhy, gpuCount, cost } = input
  const noEnergy = joules === null ? (energyWhy ?? "energy was not measured") : null
  const noOutput = output === null ? tokensWhy : output === 0 ? "no output token was received" : null
  const noRequest = input.requests === 0 ? "no request ended in it" : null
  const tokens = output === null || inputTokens === null ? null : output + inputTokens
  const noTokens = tokens === null ? tokensWhy : tokens === 0 ? "no token was counted" : null
  const intensity = input.energy.carbon_intensity_gco2_kwh ?? null
  const perKwh = cost?.per_kwh ?? null
  const perHour = cost?.per_gpu_hour ?? null
  const gpus = gpuCount === null || gpuCount === 0 ? null : gpuCount
  const kwh = joules === null ? null : joules / joulesPerKwh
  const millions = output === null ? null : output / 1e6
  const energyCost = kwh === null || perKwh === null ? null : kwh * perKwh
  const machineCost = perHour === null || gpus === null ? null : (perHour * gpus * input.durationSeconds) / 3600
  const noGpu = gpuCount === null ? "the number of GPUs is not known" : gpus === null ? "the engine had no GPU" : null
  const carbon = kwh === null || intensity === null ? null : kwh * intensity * (input.energy.datacenter_pue ?? 1)
  const unset = (value: unknown, field: string): string | null => (value === null ? `${field} is not set` : null)
  const entries = {
    joules_per_output_token: entry(divided(joules, output), noEnergy, noOutput),
    joules_per_token: entry(divided(joules, tokens), noEnergy, noTokens),
    joules_per_request: entry(divided(joules, input.requests), noEnergy, noRequest),
    output_tokens_per_joule: entry(divided(output, joules), noEnergy, tokensWhy, "no energy was counted"),
    co2e_grams: entry(carbon, unset(intensity, "energy.carbon_intensity_gco2_kwh"), noEnergy),
    energy_cost_per_million_output_tokens: entry(
      divided(energyCost, millions),
      unset(perKwh, "cost.per_kwh"),
      noEnergy,
      noOutput,
    ),
    machine_cost_per_million_output_tokens: entry(
      divided(machineCost, millions),
      unset(perHour, "cost.per_gpu_hour"),
      noGpu,
      noOutput,
    ),
  }
  const currency = cost?.currency ?? null
  return {
    figures: {
      joules_per_output_token: entries.joules_per_output_token.value,
      joules_per_token: entries.joules_per_token.value,
      joules_per_request: entries.joules_per_request.value,
      output_tokens_per_joule: entries.output_tokens_per_joule.value,
      co2e_grams: entries.co2e_grams.value,
      energy_cost_per_million_output_tokens: entries.energy_cost_per_million_output_tokens.value,
      machine_cost_per_million_output_tokens: entries.machine_cost_per_million_output_tokens.value,
      currency,
    },
    unavailable: reasons({
      ...Object.fromEntries(Object.entries(entries).map(([name, { why }]) => [`${section}.${name}`, why])),
      [`${section}.currency`]: unset(currency, "cost.currency"),
    }),
  }
}
