import { Schema } from "effect"

/** The phases of one experiment, in the order in which they run. */
export const Phase = Schema.Literals([
  "gate",
  "baseline",
  "launch",
  "load",
  "warmup",
  "thermal_floor",
  "window",
  "drain",
  "stop",
])
export type Phase = typeof Phase.Type
