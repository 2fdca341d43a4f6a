import type { DomainEnergy, DomainInfo, DomainSeries } from "../domain/Energy.ts"
import type { EnergyFigures } from "../domain/ResultDocument.ts"
import { durationSeconds, type Span } from "../domain/Window.ts"
import * as Domains from "../meters/Domains.ts"
import { energyOver } from "../meters/Integrate.ts"
import { type Figures, reasons } from "./figures/Figures.ts"
import type { Observation } from "./Observation.ts"

type Metering = Observation["metering"]

/** Idle watts of a domain: known by construction, or measured before the engine was there. */
const idleWatts = (metering: Metering, info: DomainInfo): number | null =>
  info.idleWatts ?? metering.baseline.find((figure) => figure.domain === info.domain)?.watts ?? null

/** Energy of every domain over a span, also of those that gave no samples. */
export const domainsOver = (metering: Metering, span: Span): ReadonlyArray<DomainEnergy> => {
  const sampled = metering.series.map((series) => Domains.domainEnergy(series, span, idleWatts(metering, series)))
  const names = new Set(metering.series.map((series) => series.domain))
  const rest = metering.domains.filter((info) => !names.has(info.domain))
  return [...sampled, ...rest.map((info) => Domains.unavailableEnergy(info, "it gave no samples"))]
}

const whyNoTotal = (metering: Metering, total: Domains.EnergyTotal): string | null => {
  if (total.totalJoules !== null) return null
  if (metering.off) return "metering is off (energy.backend is null)"
  if (total.missing.length === 0) return "no domain of this node belongs to the total"
  return total.missing.map((one) => `${one.domain}: ${one.why}`).join("; ")
}

/** The energy part of a result, and the total with the reason where there is none. */
export const of = (
  metering: Metering,
  span: Span,
): Figures<EnergyFigures> & { readonly joules: number | null; readonly why: string | null } => {
  const domains = domainsOver(metering, span)
  const total = Domains.total(domains)
  const why = whyNoTotal(metering, total)
  const baselineWhy = metering.baselineWhy ?? "its idle power was not measured"
  return {
    figures: {
      domains: domains.map((one) => ({
        domain: one.domain,
        meter: one.meter,
        quality: one.quality,
        joules: one.joules,
        uncertainty_joules: one.uncertaintyJoules,
        baseline_watts: one.baselineWatts,
        adjusted_joules: one.adjustedJoules,
        why: one.why,
      })),
      total_joules: total.totalJoules,
      total_uncertainty_joules: total.uncertaintyJoules,
      quality: total.quality,
      total_scope: total.scope,
      total_missing: total.missing,
    },
    unavailable: {
      ...reasons({ "energy.total_joules": why, "energy.total_uncertainty_joules": why }),
      ...Object.fromEntries(
        domains.flatMap((one, index) => [
          ...(one.joules === null
            ? ["joules", "uncertainty_joules", "adjusted_joules"].map((name) => [
                `energy.domains.${index}.${name}`,
                one.why ?? "it could not be read",
              ])
            : []),
          ...(one.baselineWatts === null
            ? (one.joules === null ? ["baseline_watts"] : ["baseline_watts", "adjusted_joules"]).map((name) => [
                `energy.domains.${index}.${name}`,
                baselineWhy,
              ])
            : []),
        ]),
      ),
    },
    joules: total.totalJoules,
    why,
  }
}

/** Total joules over a part of the window; the reason where there is none. */
export const totalOver = (
  metering: Metering,
  span: Span,
): { readonly joules: number | null; readonly why: string | null } => {
  const total = Domains.total(domainsOver(metering, span))
  return { joules: total.totalJoules, why: whyNoTotal(metering, total) }
}

/** Joules that the meters' steps leave open at the window's two edges; null when nothing was summed. */
export const edgeJoules = (metering: Metering, span: Span, scope: ReadonlyArray<string>): number | null => {
  const counted = metering.series.filter((series) => scope.includes(series.domain) && series.kind === "counter")
  if (counted.length === 0) return null
  const squares = counted.map((series) => {
    const exact: DomainSeries = { ...series, relativeUncertainty: 0 }
    return (energyOver(exact, span).uncertaintyJoules ?? 0) ** 2
  })
  return Math.sqrt(squares.reduce((sum, value) => sum + value, 0))
}

/** Samples inside a span, and whether there are some on both sides of it, for the domains of a total. */
export const coverage = (metering: Metering, span: Span, scope: ReadonlyArray<string>) => {
  const summed = metering.series.filter((series) => scope.includes(series.domain))
  const inside = summed.map(
    (series) => series.timesSeconds.filter((at) => at >= span.startSeconds && at <= span.endSeconds).length,
  )
  const covers = summed.every(({ timesSeconds }) => {
    const first = timesSeconds[0]
    const last = timesSeconds.at(-1)
    return first !== undefined && last !== undefined && first <= span.startSeconds && last >= span.endSeconds
  })
  return {
    samplesInWindow: inside.length === 0 ? 0 : Math.min(...inside),
    coversWindow: covers,
    seconds: durationSeconds(span),
  }
}
