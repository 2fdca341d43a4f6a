import { Effect, Layer } from "effect"
import { Progress } from "./Progress.ts"

/** Says nothing. */
export const layer = Layer.succeed(Progress, Progress.of({ emit: () => Effect.void, live: () => Effect.void }))
