import type { Distribution } from "../../domain/ResultDocument.ts"

/**
 * The quantile `p` (0 to 1) of values in ascending order, linear between closest ranks: Hyndman and Fan's type 7,
 * NumPy's default. There must be at least one value.
 */
export const quantile = (ascending: ReadonlyArray<number> | Float64Array, p: number): number => {
  const rank = (ascending.length - 1) * p
  const below = Math.floor(rank)
  const low = ascending[below] ?? Number.NaN
  const high = ascending[below + 1] ?? low
  return low + (high - low) * (rank - below)
}

/** Mean, sample standard deviation (n - 1; null for one value) and quantiles; null of nothing. */
export const distribution = (values: ReadonlyArray<number>): Distribution | null => {
  const count = values.length
  if (count === 0) return null
  const ascending = Float64Array.from(values).sort()
  const mean = ascending.reduce((sum, value) => sum + value, 0) / count
  const squares = ascending.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return {
    mean,
    std: count === 1 ? null : Math.sqrt(squares / (count - 1)),
    min: ascending[0] ?? Number.NaN,
    p50: quantile(ascending, 0.5),
    p90: quantile(ascending, 0.9),
    p95: quantile(ascending, 0.95),
    p99: quantile(ascending, 0.99),
    max: ascending[count - 1] ?? Number.NaN,
    count,
  }
}
