import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { Experiment } from "../../src/domain/Experiment.ts"
import type { WorkloadRequest } from "../../src/domain/Request.ts"
import * as Warmup from "../../src/harness/Warmup.ts"
import type { Schedule } from "../../src/workload/Schedule.ts"
import { effect } from "../lib/effect.ts"
import { experiment } from "../store/samples.ts"
import { failed, streamed } from "./figures/records.ts"

const workload: ReadonlyArray<WorkloadRequest> = ["a", "b", "c"].map((prompt, id) => ({
  id,
  prompt,
  maxOutputTokens: 2,
}))

const settings = (over: Partial<Experiment["warmup"]>): Experiment["warmup"] => ({ ...experiment().warmup, ...over })

interface Sent {
  readonly prompts: ReadonlyArray<unknown>
  readonly ids: ReadonlyArray<number>
  readonly schedule: Schedule
}

/** A server whose nth request takes as many seconds for each of as many tokens as said; null fails. */
const server = (answers: ReadonlyArray<readonly [secondsPerToken: number, tokens: number] | null>) => {
  const log: Array<Sent> = []
  let served = 0
  const send: Warmup.Send = (requests, schedule) =>
    Effect.sync(() => {
      log.push({ prompts: requests.map((one) => one.prompt), ids: requests.map((one) => one.id), schedule })
      const records = requests.map(({ id }) => {
        const answer = answers[Math.min(served++, answers.length - 1)]
        if (answer === null || answer === undefined) return failed(id, 0, 1)
        const [seconds, tokens] = answer
        return streamed(
          id,
          0,
          Array.from({ length: tokens }, (_, index) => (index + 1) * seconds),
        )
      })
      return { requests: records, health: { cpuSeconds: 0, sendLatenessP99Seconds: 0, connectionsOpened: 1 } }
    })
  return { log, send }
}

const offline: Schedule = { kind: "batches", batchSize: 2 }
const converging = settings({ convergence_detection: true, max_prompts: 10, min_prompts: 3, window_size: 3 })

describe("warm-up by number", () => {
  effect("sends as many as asked at the measured batch size, the workload over and over", () =>
    Effect.gen(function* () {
      const { log, send } = server([[1, 2]])
      const outcome = yield* Warmup.run(settings({ n_warmup: 5 }), workload, offline, send)
      expect(log).toEqual([{ prompts: ["a", "b", "c", "a", "b"], ids: [0, 1, 2, 3, 4], schedule: offline }])
      expect(outcome).toEqual({ requests: 5, converged: null, cv: null, targetCv: null, failure: null })
    }),
  )

  effect("does not wait for arrivals in time", () =>
    Effect.gen(function* () {
      const { log, send } = server([[1, 2]])
      const open: Schedule = { kind: "open", offsetsSeconds: Float64Array.of(0, 100, 200) }
      yield* Warmup.run(settings({ n_warmup: 1 }), workload, open, send)
      expect(log[0]?.schedule.kind).toBe("closed")
    }),
  )

  effect("tells the first failure", () =>
    Effect.gen(function* () {
      const { send } = server([[1, 2], null])
      const outcome = yield* Warmup.run(settings({ n_warmup: 3 }), workload, offline, send)
      expect(outcome.failure).toEqual({ kind: "reset", message: "gone" })
    }),
  )
})

describe("warm-up until it settles", () => {
  effect("stops as soon as the latency per token has settled, whatever the number of tokens", () =>
    Effect.gen(function* () {
      const { log, send } = server([
        [9, 1],
        [1, 2],
        [1, 5],
        [1, 3],
        [1, 1],
      ])
      const outcome = yield* Warmup.run(converging, workload, offline, send)
      expect(log).toHaveLength(4)
      expect(log.map((one) => one.prompts)).toEqual([["a"], ["b"], ["c"], ["a"]])
      expect(outcome).toEqual({ requests: 4, converged: true, cv: 0, targetCv: 0.05, failure: null })
    }),
  )

  effect("gives up after max_prompts, and says what it came to", () =>
    Effect.gen(function* () {
      const { log, send } = server(Array.from({ length: 10 }, (_, index) => [1 + (index % 3), 2] as const))
      const outcome = yield* Warmup.run(converging, workload, offline, send)
      expect(log).toHaveLength(10)
      expect(outcome).toMatchObject({ requests: 10, converged: false, failure: null })
      // The last three took 2, 3 and 1 seconds a token.
      expect(outcome.cv).toBeCloseTo(0.5, 12)
    }),
  )

  effect("ends with the first request that fails", () =>
    Effect.gen(function* () {
      const { log, send } = server([[1, 2], null, [1, 2]])
      const outcome = yield* Warmup.run(converging, workload, offline, send)
      expect(log).toHaveLength(2)
      expect(outcome).toMatchObject({ requests: 1, converged: false, failure: { kind: "reset" } })
    }),
  )
})
