import type { AddonContext, AddonModel, AddonSampler } from "../../platform/llamaAddon.ts"
import type { FinishReason } from "./Answer.ts"
import type { Distribution } from "./Logprobs.ts"

/** Reads the model's own distribution at a token that was drawn. */
export interface Observer {
  readonly read: (batchIndex: number, token: number) => Promise<Distribution>
  readonly dispose: () => void
}

/** One sequence to generate. */
export interface Job {
  readonly prompt: Uint32Array
  readonly maxTokens: number
  readonly ignoreEos: boolean
  readonly sampler: AddonSampler
  readonly observer?: Observer
  /** Called for each token as it is sampled. */
  readonly onToken: (token: number, count: number, distribution: Distribution | null) => void
  readonly onEnd: (reason: FinishReason, count: number) => void
  readonly onFailure: (cause: unknown) => void
}

interface Slot {
  readonly job: Job
  readonly sequence: number
  /** Positions already in the context. */
  position: number
  /** The token to feed next, once the prompt is in. */
  next: number
  produced: number
  cancelled: boolean
}

export interface SchedulerCounts {
  readonly active: number
  readonly queued: number
  readonly steps: number
  readonly prefillTokens: number
  readonly decodedTokens: number
  /** Tokens that came out, the first ones after prompts among them. */
  readonly generatedTokens: number
  /** Tokens in the context, of all sequences together. */
  readonly contextTokens: number
}

interface Wanted {
  readonly slot: Slot
  readonly logit: number
}

const none = new Uint32Array(0)

const disposeSamplers = (job: Job): void => {
  job.sampler.dispose()
  job.observer?.dispose()
}

/**
 * Continuous batching over one context: each step carries one token of every sequence that is decoding, then prompt
 * chunks in what room the batch has left.
 */
export class Scheduler {
  readonly #context: AddonContext
  readonly #isEnd: (token: number) => boolean
  readonly #batchTokens: number
  readonly #freeSequences: Array<number>
  readonly #queue: Array<Job> = []
  readonly #slots: Array<Slot> = []
  #running = false
  #steps = 0
  #prefillTokens = 0
  #decodedTokens = 0
  #generatedTokens = 0

  constructor(context: AddonContext, model: AddonModel, sequences: number, batchTokens: number) {
    this.#context = context
    this.#isEnd = (token) => model.isEogToken(token)
    this.#batchTokens = batchTokens
    this.#freeSequences = Array.from({ length: sequences }, (_, index) => sequences - 1 - index)
  }

  counts(): SchedulerCounts {
    return {
      active: this.#slots.length,
      queued: this.#queue.length,
      steps: this.#steps,
      prefillTokens: this.#prefillTokens,
      decodedTokens: this.#decodedTokens,
      generatedTokens: this.#generatedTokens,
      contextTokens: this.#slots.reduce((sum, slot) => sum + slot.position, 0),
    }
  }

  /** Queues a job; the function given back takes it out again, at the latest after the current step. */
  submit(job: Job): () => void {
    this.#queue.push(job)
    if (!this.#running) {
      this.#running = true
      void this.#run()
    }
    return () => {
      const waiting = this.#queue.indexOf(job)
      if (waiting >= 0) {
        this.#queue.splice(waiting, 1)
        disposeSamplers(job)
      }
      const slot = this.#slots.find((candidate) => candidate.job === job)
      if (slot !== undefined) slot.cancelled = true
    }
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#admit() > 0) {
      try {
        await this.#step()
      } catch (cause) {
        for (const slot of [...this.#slots]) this.#fail(slot, cause)
      }
    }
    // In the same turn as the last look at the queue: a job that comes now starts a new run.
    this.#running = false
  }

  #admit(): number {
    for (const slot of this.#slots.filter((candidate) => candidate.cancelled)) this.#release(slot)
    while (this.#queue.length > 0) {
      const sequence = this.#freeSequences.pop()
      if (sequence === undefined) break
      const job = this.#queue.shift()
      if (job === undefined) this.#freeSequences.push(sequence)
      else this.#slots.push({ job, sequence, position: 0, next: -1, produced: 0, cancelled: false })
    }
    return this.#slots.length
  }

  #release(slot: Slot): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    this.#context.disposeSequence(slot.sequence)
    this.#freeSequences.push(slot.sequence)
    disposeSamplers(slot.job)
  }

  async #step(): Promise<void> {
    const wanted = this.#fillBatch()
    await this.#context.decodeBatch()
    this.#steps++
    const tokens = await Promise.all(
      wanted.map(({ slot, logit }) => this.#context.sampleToken(logit, slot.job.sampler)),
    )
    const distributions = wanted.some(({ slot }) => slot.job.observer !== undefined)
      ? await Promise.all(wanted.map((one, index) => this.#observe(one, tokens[index])))
      : null
    for (const [index, { slot }] of wanted.entries()) {
      const token = tokens[index]
      // What goes wrong with one sequence, such as a reader that is gone, is no matter of the others.
      try {
        if (token === undefined || token < 0) throw new Error("the sampler gave no token")
        this.#accept(slot, token, distributions?.[index] ?? null)
      } catch (cause) {
        this.#fail(slot, cause)
      }
    }
  }

  async #observe({ slot, logit }: Wanted, token: number | undefined): Promise<Distribution | null> {
    const { observer } = slot.job
    return observer === undefined || token === undefined || token < 0 ? null : observer.read(logit, token)
  }

  #fail(slot: Slot, cause: unknown): void {
    if (this.#slots.includes(slot)) this.#release(slot)
    slot.job.onFailure(cause)
  }

  #fillBatch(): ReadonlyArray<Wanted> {
    this.#context.initBatch(this.#batchTokens)
    let room = this.#batchTokens
    const wanted: Array<Wanted> = []
    const decoding = this.#slots.filter((slot) => slot.position >= slot.job.prompt.length)
    const prefilling = this.#slots.filter((slot) => slot.position < slot.job.prompt.length)
    for (const slot of decoding) {
      if (room === 0) break
      const [logit = 0] = this.#add(slot, Uint32Array.of(slot.next), Uint32Array.of(0))
      wanted.push({ slot, logit })
      room--
      this.#decodedTokens++
    }
    for (const slot of prefilling) {
      if (room === 0) break
      const chunk = slot.job.prompt.subarray(slot.position, slot.position + room)
      const last = slot.position + chunk.length === slot.job.prompt.length
      const [logit = 0] = this.#add(slot, chunk, last ? Uint32Array.of(chunk.length - 1) : none)
      if (last) wanted.push({ slot, logit })
      room -= chunk.length
      this.#prefillTokens += chunk.length
    }
    return wanted
  }

  #add(slot: Slot, tokens: Uint32Array, logits: Uint32Array): ReadonlyArray<number> {
    const indexes = this.#context.addToBatch(slot.sequence, slot.position, tokens, logits)
    slot.position += tokens.length
    return Array.from(indexes)
  }

  #accept(slot: Slot, token: number, distribution: Distribution | null): void {
    if (slot.cancelled) return
    const { job } = slot
    if (!job.ignoreEos && this.#isEnd(token)) {
      this.#release(slot)
      job.onEnd("stop", slot.produced)
      return
    }
    slot.next = token
    slot.produced++
    this.#generatedTokens++
    const finished = slot.produced >= job.maxTokens
    job.onToken(token, slot.produced, distribution)
    if (!finished) return
    this.#release(slot)
    job.onEnd("length", slot.produced)
  }
}
