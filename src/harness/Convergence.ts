/** The coefficient of variation (sample standard deviation over mean) of some figures; null below two of them. */
export const coefficientOfVariation = (values: ReadonlyArray<number>): number | null => {
  if (values.length < 2) return null
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (mean === 0) return null
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return Math.sqrt(variance) / Math.abs(mean)
}

export interface ConvergenceRule {
  readonly target: number
  readonly windowSize: number
  readonly minPrompts: number
}

/**
 * Whether warm-up latencies have settled: the coefficient of variation of the last `windowSize` of them is at most
 * the target, and at least `minPrompts` were seen.
 */
export const settled = (latenciesSeconds: ReadonlyArray<number>, rule: ConvergenceRule): boolean => {
  if (latenciesSeconds.length < Math.max(rule.minPrompts, rule.windowSize)) return false
  const cv = coefficientOfVariation(latenciesSeconds.slice(-rule.windowSize))
  return cv !== null && cv <= rule.target
}
