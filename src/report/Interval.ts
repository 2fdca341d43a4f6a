/** 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom. */
const quantiles: ReadonlyArray<number> = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
]

const z = 1.959963985

/**
 * The 97.5 % quantile of Student's t: a table up to 30 degrees of freedom, then the expansion
 * z + (z³+z)/4ν + (5z⁵+16z³+3z)/96ν² (Abramowitz and Stegun 26.7.5), which is good to 1e-5 there.
 */
export const tQuantile = (degreesOfFreedom: number): number =>
  quantiles[degreesOfFreedom - 1] ??
  z + (z ** 3 + z) / (4 * degreesOfFreedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degreesOfFreedom ** 2)

/** The mean of some runs and the half width of its 95 % interval, which is null with fewer than two. */
export interface MeanInterval {
  readonly mean: number
  readonly halfWidth: number | null
  readonly count: number
}

/** Mean and half width t(0.975, n-1)·s/√n, s with n-1 in its denominator; null without any value. */
export const meanInterval = (values: ReadonlyArray<number>): MeanInterval | null => {
  const n = values.length
  if (n === 0) return null
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n === 1) return { mean, halfWidth: null, count: 1 }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  return { mean, halfWidth: (tQuantile(n - 1) * Math.sqrt(variance)) / Math.sqrt(n), count: n }
}
