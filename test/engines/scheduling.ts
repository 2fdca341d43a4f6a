import type { Job, Observer } from "../../src/engines/embedded/Job.ts"
import type { SchedulerOptions } from "../../src/engines/embedded/Scheduler.ts"
import type { AddonSampler } from "../../src/platform/llamaAddon.ts"
import { fakeModel, fakeContext as idleContext } from "../lib/addon.ts"

export const end = 0

/** A model of which nothing is asked but where texts end. */
export const model = fakeModel({ isEogToken: (token) => token === end })

/** Options of a scheduler without a cache. */
export const options = (
  sequences: number,
  batchTokens: number,
  over: Partial<SchedulerOptions> = {},
): SchedulerOptions => ({
  sequences,
  batchTokens,
  prefillTokens: batchTokens,
  prefixCache: false,
  ...over,
})

/** A context that counts what it is given and lets a test decide what each step does. */
export const fakeContext = (
  options: { readonly token?: number; readonly cuts?: boolean; readonly onStep?: (step: number) => void } = {},
) => {
  const batches: Array<number> = []
  const freed: Array<number> = []
  const cut: Array<readonly [sequence: number, start: number]> = []
  const positions: Array<readonly [sequence: number, position: number, tokens: number]> = []
  let step = 0
  const context = idleContext({
    initBatch: () => void batches.push(0),
    addToBatch: (sequence, position, tokens, logits) => {
      positions.push([sequence, position, tokens.length])
      const before = batches.pop() ?? 0
      batches.push(before + tokens.length)
      return logits.map((index) => before + index)
    },
    decodeBatch: async () => {
      step += 1
      options.onStep?.(step)
    },
    sampleToken: async () => options.token ?? 7,
    disposeSequence: (sequence) => void freed.push(sequence),
    removeTokenCellsFromSequence: (sequence, start) => {
      cut.push([sequence, start])
      return options.cuts ?? true
    },
  })
  return { context, batches, freed, cut, positions }
}

/** A job with what became of it. */
export const job = (over: Partial<Job> = {}, observer: Observer | null = null) => {
  const log = { tokens: 0, drawn: 0, idle: 0, busy: 0, ended: Promise.withResolvers<string>() }
  const sampler: AddonSampler = { applyConfig: () => {}, dispose: () => {} }
  const made: Job = {
    prompt: Uint32Array.of(1, 2, 3),
    maxTokens: 4,
    ignoreEos: false,
    draw: () => {
      log.drawn += 1
      const release = (idle: boolean) => {
        log[idle ? "idle" : "busy"] += 1
      }
      return { sampler, observer, release }
    },
    onToken: () => {
      log.tokens += 1
    },
    onEnd: (reason, count) => log.ended.resolve(`${reason} ${count}`),
    onFailure: (cause) => log.ended.resolve(`failed: ${String(cause)}`),
    ...over,
  }
  return { log, job: made }
}
