import type { AddonContext, AddonModel } from "../../platform/llamaAddon.ts"
import * as Batch from "./Batch.ts"
import type { Drawing, Job, Slot } from "./Job.ts"
import type { Distribution } from "./Logprobs.ts"
import { type FreeSequence, place } from "./PrefixCache.ts"

/** What a scheduler works with; a batch has room for a token of each sequence. */
export interface SchedulerOptions extends Batch.BatchLimits {
  /** Sequences that are worked on at once. */
  readonly sequences: number
  /** Whether the tokens of a sequence that has ended are kept for prompts that begin as it did. */
  readonly prefixCache: boolean
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
  /** Prompt tokens that were not computed, since the cache had them. */
  readonly cachedTokens: number
}

/** What a promise came to; throws what it was rejected with. */
const valueOf = <A>(settled: PromiseSettledResult<A> | undefined): A | undefined => {
  if (settled?.status === "rejected") throw settled.reason
  return settled?.value
}

/**
 * Continuous batching over one context: each step carries one token of every sequence that is decoding, so that no
 * prompt holds them up for longer than a chunk takes; then chunks of prompts, in the order in which they came. Letting
 * short prompts pass long ones makes the middle of the times to the first token better and the end of them worse.
 */
export class Scheduler {
  readonly #context: AddonContext
  readonly #isEnd: (token: number) => boolean
  readonly #options: SchedulerOptions
  readonly #free: Array<FreeSequence>
  readonly #queue: Array<Job> = []
  readonly #slots: Array<Slot> = []
  #running = false
  #forgetting = false
  #steps = 0
  #prefillTokens = 0
  #decodedTokens = 0
  #generatedTokens = 0
  #cachedTokens = 0

  constructor(context: AddonContext, model: AddonModel, options: SchedulerOptions) {
    this.#context = context
    this.#isEnd = (token) => model.isEogToken(token)
    this.#options = options
    this.#free = Array.from({ length: options.sequences }, (_, sequence) => ({ sequence, tokens: [] }))
  }

  counts(): SchedulerCounts {
    return {
      active: this.#slots.length,
      queued: this.#queue.length,
      steps: this.#steps,
      prefillTokens: this.#prefillTokens,
      decodedTokens: this.#decodedTokens,
      generatedTokens: this.#generatedTokens,
      contextTokens:
        this.#slots.reduce((sum, slot) => sum + slot.position, 0) +
        this.#free.reduce((sum, { tokens }) => sum + tokens.length, 0),
      cachedTokens: this.#cachedTokens,
    }
  }

  /** Empties the cache: no later prompt finds anything of an earlier one. */
  forget(): void {
    for (const slot of this.#slots) slot.keep = false
    this.#forgetting = true
    // While a step is on its way the library's memory is not to be touched.
    if (!this.#running) this.#empty()
  }

  #empty(): void {
    this.#forgetting = false
    for (const [index, { sequence, tokens }] of this.#free.entries()) {
      if (tokens.length === 0) continue
      this.#context.disposeSequence(sequence)
      this.#free[index] = { sequence, tokens: [] }
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
      if (waiting >= 0) this.#queue.splice(waiting, 1)
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
    if (this.#forgetting) this.#empty()
    for (const slot of this.#slots.filter((candidate) => candidate.cancelled)) this.#release(slot)
    for (let job = this.#queue[0]; job !== undefined && this.#free.length > 0; job = this.#queue[0]) {
      this.#queue.shift()
      try {
        this.#slots.push(this.#seat(job, job.draw()))
      } catch (cause) {
        job.onFailure(cause)
      }
    }
    return this.#slots.length
  }

  /** A sequence for a job, with what the cache has of its prompt. */
  #seat(job: Job, drawing: Drawing): Slot {
    const placed = place(this.#free, job.prompt) ?? { sequence: 0, kept: 0 }
    const [taken] = this.#free.splice(
      this.#free.findIndex(({ sequence }) => sequence === placed.sequence),
      1,
    )
    const had = taken?.tokens ?? []
    const use = job.onPrompt === undefined ? placed.kept : 0
    const kept = had.length > 0 && this.#cut(placed.sequence, use) ? use : 0
    this.#cachedTokens += kept
    return {
      job,
      drawing,
      sequence: placed.sequence,
      fed: had.slice(0, kept),
      read: [],
      position: kept,
      next: -1,
      produced: 0,
      cancelled: false,
      keep: this.#options.prefixCache,
    }
  }

  /** Shortens what the context has of a sequence; where it cannot be cut there, nothing is kept, and that is false. */
  #cut(sequence: number, length: number): boolean {
    if (length > 0 && this.#context.removeTokenCellsFromSequence(sequence, length, -1)) return true
    this.#context.disposeSequence(sequence)
    return false
  }

  #release(slot: Slot, idle = true): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    if (!slot.keep) this.#context.disposeSequence(slot.sequence)
    this.#free.push({ sequence: slot.sequence, tokens: slot.keep ? slot.fed : [] })
    slot.drawing.release(idle)
  }

  async #step(): Promise<void> {
    const { wanted, looks, ready, prefillTokens, decodedTokens } = Batch.fill(this.#context, this.#slots, this.#options)
    await this.#context.decodeBatch()
    this.#steps++
    this.#prefillTokens += prefillTokens
    this.#decodedTokens += decodedTokens
    const tokens = await this.#draw(wanted)
    const distributions = wanted.some(({ slot }) => slot.drawing.observer !== null)
      ? await Promise.allSettled(wanted.map((one, index) => this.#observe(one, tokens[index])))
      : null
    for (const look of looks) await this.#look(look)
    for (const slot of ready) this.#ready(slot)
    for (const [index, { slot }] of wanted.entries()) {
      // What goes wrong with one sequence, such as a reader that is gone, is no matter of the others.
      try {
        const token = valueOf(tokens[index])
        if (token === undefined || token < 0) throw new Error("the sampler gave no token")
        this.#accept(slot, token, valueOf(distributions?.[index]) ?? null)
      } catch (cause) {
        this.#fail(slot, cause)
      }
    }
  }

  /**
   * A token for each of them, or why there is none. The library puts its logits into order at the first look at them,
   * which must be over before others look; and every look is over before a sequence that failed is released.
   */
  async #draw(wanted: ReadonlyArray<Batch.Wanted>): Promise<ReadonlyArray<PromiseSettledResult<number>>> {
    const sample = ({ slot, logit }: Batch.Wanted) => this.#context.sampleToken(logit, slot.drawing.sampler)
    const first = await Promise.allSettled(wanted.slice(0, 1).map(sample))
    return [...first, ...(await Promise.allSettled(wanted.slice(1).map(sample)))]
  }

  /** Reads what the model thinks of a prompt's own token. */
  async #look({ slot, logit, token }: Batch.Batch["looks"][number]): Promise<void> {
    if (!this.#slots.includes(slot)) return
    try {
      const distribution = await slot.drawing.observer?.read(logit, token)
      if (distribution !== undefined) slot.read.push(distribution)
    } catch (cause) {
      this.#fail(slot, cause)
    }
  }

  /** Tells what was read of a prompt that is in; a job that wants no more than that ends. */
  #ready(slot: Slot): void {
    if (slot.cancelled || !this.#slots.includes(slot)) return
    try {
      slot.job.onPrompt?.(slot.read)
      if (slot.job.maxTokens > 0) return
      this.#release(slot)
      slot.job.onEnd("length", 0)
    } catch (cause) {
      this.#fail(slot, cause)
    }
  }

  async #observe(
    { slot, logit }: Batch.Wanted,
    drawn: PromiseSettledResult<number> | undefined,
  ): Promise<Distribution | null> {
    const { observer } = slot.drawing
    return observer === null || drawn?.status !== "fulfilled" || drawn.value < 0
      ? null
      : observer.read(logit, drawn.value)
  }

  #fail(slot: Slot, cause: unknown): void {
    // What the context has of it is not known.
    slot.keep = false
    slot.cancelled = true
    if (this.#slots.includes(slot)) this.#release(slot, false)
    slot.job.onFailure(cause)
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
