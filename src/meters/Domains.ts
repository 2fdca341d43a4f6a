import type { DomainEnergy, DomainInfo, DomainSeries, Quality } from "../domain/Energy.ts"
import { durationSeconds, type Span } from "../domain/Window.ts"
import { energyOver } from "./Integrate.ts"

/** Energy of an experiment over a span: the sum of domains none of which lies within another. */
export interface EnergyTotal {
  readonly totalJoules: number | null
  readonly uncertaintyJoules: number | null
  readonly quality: Quality
  /** The domains that were summed. */
  readonly scope: ReadonlyArray<string>
  /** Domains that belong to the total and are not in it. */
  readonly missing: ReadonlyArray<{ readonly domain: string; readonly why: string }>
}

/** The description of a domain without its samples. */
export const infoOf = (info: DomainInfo): DomainInfo => ({
  domain: info.domain,
  meter: info.meter,
  quality: info.quality,
  nestedIn: info.nestedIn,
  inTotal: info.inTotal,
  why: info.why,
  relativeUncertainty: info.relativeUncertainty,
  ...(info.idleWatts === undefined ? {} : { idleWatts: info.idleWatts }),
})

/** Mean watts of a domain over an idle span; what the source knows by construction otherwise; null when neither is known. */
export const baselineWatts = (series: DomainSeries, idle: Span | null): number | null => {
  if (series.idleWatts !== undefined) return series.idleWatts
  if (idle === null) return null
  const energy = energyOver(series, idle)
  return energy.joules === null ? null : energy.joules / durationSeconds(idle)
}

/**
 * Energy of one domain over a span. `adjustedJoules` is the energy less that of the idle baseline over the same time;
 * it is signed, and null without a baseline.
 */
export const domainEnergy = (series: DomainSeries, span: Span, idleWatts: number | null): DomainEnergy => {
  const energy = energyOver(series, span)
  const info = infoOf(series)
  return energy.joules === null
    ? {
        ...info,
        quality: "unavailable",
        why: energy.why,
        joules: null,
        uncertaintyJoules: null,
        baselineWatts: idleWatts,
        adjustedJoules: null,
      }
    : {
        ...info,
        joules: energy.joules,
        uncertaintyJoules: energy.uncertaintyJoules,
        baselineWatts: idleWatts,
        adjustedJoules: idleWatts === null ? null : energy.joules - idleWatts * durationSeconds(span),
      }
}

/** Energy of a domain that has no samples at all: unavailable, with the reason that its meter gave. */
export const unavailableEnergy = (info: DomainInfo, why: string): DomainEnergy => ({
  ...infoOf(info),
  quality: "unavailable",
  why: info.why ?? why,
  joules: null,
  uncertaintyJoules: null,
  baselineWatts: null,
  adjustedJoules: null,
})

/** Whether a domain that this one lies within satisfies a condition. */
const within = (
  entry: DomainEnergy,
  domains: ReadonlyArray<DomainEnergy>,
  holds: (outer: DomainEnergy) => boolean,
): boolean => {
  const seen = new Set([entry.domain])
  let outer = entry.nestedIn
  while (outer !== null && !seen.has(outer)) {
    seen.add(outer)
    const name = outer
    const found = domains.find((candidate) => candidate.domain === name)
    if (found !== undefined && holds(found)) return true
    outer = found?.nestedIn ?? null
  }
  return false
}

const counted = (entry: DomainEnergy): boolean => entry.inTotal && entry.joules !== null

/**
 * The total over the domains that belong to it. A domain is left out while one that contains it is counted, so nothing
 * is counted twice. Without any of the engine's GPUs there is no total. Uncertainties combine in quadrature.
 */
export const total = (domains: ReadonlyArray<DomainEnergy>): EnergyTotal => {
  const belonging = domains.filter((entry) => entry.inTotal && !within(entry, domains, counted))
  const summed = belonging.filter((entry) => entry.joules !== null)
  const missing = belonging
    .filter((entry) => entry.joules === null)
    .map((entry) => ({ domain: entry.domain, why: entry.why ?? "it could not be read" }))
  const scope = summed.map((entry) => entry.domain)
  if (summed.length === 0 || missing.some((entry) => entry.domain.startsWith("gpu:")))
    return { totalJoules: null, uncertaintyJoules: null, quality: "unavailable", scope: [], missing }
  return {
    totalJoules: summed.reduce((sum, entry) => sum + (entry.joules ?? 0), 0),
    uncertaintyJoules: Math.sqrt(summed.reduce((sum, entry) => sum + (entry.uncertaintyJoules ?? 0) ** 2, 0)),
    quality: summed.every((entry) => entry.quality === "measured") ? "measured" : "estimated",
    scope,
    missing,
  }
}
