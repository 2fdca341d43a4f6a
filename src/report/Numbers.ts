/** What stands for a figure that is not there. */
export const missing = "–"

/** A number with so many significant digits: plain between 0.001 and 10 million, else with an exponent. */
export const significant = (value: number, digits = 3): string => {
  if (!Number.isFinite(value)) return missing
  if (value === 0) return "0"
  const rounded = Number(value.toPrecision(digits))
  const exponent = Math.floor(Math.log10(Math.abs(rounded)))
  if (exponent < -3 || exponent >= 7) return rounded.toExponential(digits - 1)
  return rounded.toFixed(Math.max(0, digits - 1 - exponent))
}

/**
 * A mean with the half width of its interval: the half width with two significant digits, the mean to the same decimal
 * place (JCGM 100:2008, 7.2.6).
 */
export const plusMinus = (mean: number, halfWidth: number | null, sign = "±"): string => {
  if (halfWidth === null || !Number.isFinite(halfWidth) || halfWidth <= 0 || !Number.isFinite(mean))
    return significant(mean, 4)
  const rounded = Number(halfWidth.toPrecision(2))
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(rounded)))
  if (decimals > 9) return `${significant(mean, 4)} ${sign} ${significant(halfWidth, 2)}`
  return `${mean.toFixed(decimals)} ${sign} ${rounded.toFixed(decimals)}`
}

const prefixes: ReadonlyArray<readonly [number, string]> = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
  [1e-3, "m"],
  [1e-6, "µ"],
  [1e-9, "n"],
]

/** A quantity with an SI prefix, e.g. 1.23 kJ. */
export const si = (value: number, unit: string, digits = 3): string => {
  if (!Number.isFinite(value)) return missing
  const size = Math.abs(Number(value.toPrecision(digits)))
  if (size === 0) return `0 ${unit}`
  const [factor, prefix] = prefixes.find(([least]) => size >= least) ?? [1e-9, "n"]
  return `${significant(value / factor, digits)} ${prefix}${unit}`
}

/** A latency: seconds from one second on, else with an SI prefix. */
export const latency = (seconds: number): string =>
  Math.abs(seconds) >= 1 ? `${significant(seconds)} s` : si(seconds, "s")

const two = (value: number): string => String(value).padStart(2, "0")

/** A length of time as people say it: 0.4 s, 45 s, 3m 05s, 2h 05m, 3d 04h. */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds) || seconds < 0) return missing
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
  const hours = Math.floor(minutes / 60)
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`
}

/** A number of things: 1 cell, 2 cells. */
export const count = (amount: number, one: string, many = `${one}s`): string => `${amount} ${amount === 1 ? one : many}`

/** A size in megabytes (powers of 1000), as Docker shows it. */
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
