/** Live figures of the running cell, between events. */
export interface LiveFigures {
  readonly tokensPerSecond: number | null
  readonly watts: number | null
}
