import type { AddonContext, AddonModel, AddonSampler } from "../../platform/llamaAddon.ts"
import type { FinishReason } from "./Answer.ts"
import type { Distribution } from "./Logprobs.ts"
import { type FreeSequence, place } from "./PrefixCache.ts"

/** Reads the model's own distribution at a token that was drawn. */
export interface Observer {
  readonly read: (batchIndex: number, token: number) => Promise<Distribution>
}

/** What a job's tokens are drawn and looked at with, from when it has a sequence until it ends. */
export interface Drawing {
  readonly sampler: AddonSampler
  readonly observer: Observer | null
  /** Called once, at the end; not `idle` where the library may still be at work with them. */
  readonly release: (idle: boolean) => void
}

/** One sequence to generate. */
export interface Job {
  readonly prompt: Uint32Array
  readonly maxTokens: number
  readonly ignoreEos: boolean
  readonly draw: () => Drawing
  /**
   * Called once the prompt is in, with what the observer reads at each of its tokens but the first. It makes all of
   * the prompt be computed, also what the cache has.
   */
  readonly onPrompt?: (distributions: ReadonlyArray<Distribution>) => void
  /** Called for each token as it is sampled. */
  readonly onToken: (token: number, count: number, distribution: Distribution | null) => void
  readonly onEnd: (reason: FinishReason, count: number) => void
  readonly onFailure: (cause: unknown) => void
}

interface Slot {
  readonly job: Job
  readonly drawing: Drawing
  readonly sequence: number
  /** Tokens that the context has of it, where they are kept for later prompts; else empty. */
  readonly fed: Array<number>
  /** What the observer has read at the prompt's tokens. */
  readonly read: Array<Distribution>
  /** Positions already in the context. */
  position: number
  /** The token to feed next, once the prompt is in. */
  next: number
  produced: number
  cancelled: boolean
  /** Cleared when the cache is emptied while it runs. */
  keep: boolean
}

/** What batches are made of. */
export interface SchedulerOptions {
  /** Sequences that are worked on at once. */
  readonly sequences: number
  /** Tokens that one batch has room for. */
  readonly batchTokens: number
  /** Prompt tokens in one step at most. */
  readonly prefillTokens: number
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

interface Wanted {
  readonly slot: Slot
  readonly logit: number
}

/** What a step brings. */
interface Batch {
  /** Where tokens are to be drawn. */
  readonly wanted: ReadonlyArray<Wanted>
  /** Where prompts' own tokens are to be looked at. */
  readonly looks: ReadonlyArray<Wanted & { readonly token: number }>
  /** Sequences whose prompts are in after it. */
  readonly ready: ReadonlyArray<Slot>
}

/**
 * Tokens of one prompt in a step where all of them are looked at. The logits of each are as long as the vocabulary;
 * and from 64 tokens on llama.cpp computes attention another way, with other roundings than where a token is generated.
 */
const mostLooks = 32

const none = new Uint32Array(0)

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
    const { wanted, looks, ready } = this.#fillBatch()
    await this.#context.decodeBatch()
    this.#steps++
    const tokens = await Promise.all(
      wanted.map(({ slot, logit }) => this.#context.sampleToken(logit, slot.drawing.sampler)),
    )
    const distributions = wanted.some(({ slot }) => slot.drawing.observer !== null)
      ? await Promise.all(wanted.map((one, index) => this.#observe(one, tokens[index])))
      : null
    for (const { slot, logit, token } of looks) {
      const distribution = await slot.drawing.observer?.read(logit, token)
      if (distribution !== undefined) slot.read.push(distribution)
    }
    for (const slot of ready) this.#ready(slot)
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

  /** Tells what was read of a prompt that is in; a job that wants no more than that ends. */
  #ready(slot: Slot): void {
    if (slot.cancelled) return
    try {
      slot.job.onPrompt?.(slot.read)
      if (slot.job.maxTokens > 0) return
      this.#release(slot)
      slot.job.onEnd("length", 0)
    } catch (cause) {
      this.#fail(slot, cause)
    }
  }

  async #observe({ slot, logit }: Wanted, token: number | undefined): Promise<Distribution | null> {
    const { observer } = slot.drawing
    return observer === null || token === undefined || token < 0 ? null : observer.read(logit, token)
  }

  #fail(slot: Slot, cause: unknown): void {
    // What the context has of it is not known.
    slot.keep = false
    slot.cancelled = true
    if (this.#slots.includes(slot)) this.#release(slot, false)
    slot.job.onFailure(cause)
  }

  #fillBatch(): Batch {
    const { batchTokens, prefillTokens } = this.#options
    this.#context.initBatch(batchTokens)
    let room = batchTokens
    const wanted: Array<Wanted> = []
    const looks: Array<Wanted & { readonly token: number }> = []
    const ready: Array<Slot> = []
    const decoding = this.#slots.filter((slot) => slot.position >= slot.job.prompt.length)
    const prefilling = this.#slots.filter((slot) => slot.position < slot.job.prompt.length)
    for (const slot of decoding) {
      if (room === 0) break
      const [logit = 0] = this.#add(slot, Uint32Array.of(slot.next), Uint32Array.of(0))
      wanted.push({ slot, logit })
      room--
      this.#decodedTokens++
    }
    room = Math.min(room, prefillTokens)
    for (const slot of prefilling) {
      if (room === 0) break
      const { prompt, onPrompt, maxTokens } = slot.job
      const from = slot.position
      const chunk = prompt.subarray(from, from + (onPrompt === undefined ? room : Math.min(room, mostLooks)))
      const last = from + chunk.length === prompt.length
      const ends = last ? Uint32Array.of(chunk.length - 1) : none
      const logits = this.#add(slot, chunk, onPrompt === undefined ? ends : chunk.map((_, index) => index))
      if (onPrompt !== undefined)
        for (const [index, logit] of logits.entries()) {
          const token = prompt[from + index + 1]
          if (token !== undefined) looks.push({ slot, logit, token })
        }
      if (last) ready.push(slot)
      if (last && maxTokens > 0) wanted.push({ slot, logit: logits.at(-1) ?? 0 })
      room -= chunk.length
      this.#prefillTokens += chunk.length
    }
    return { wanted, looks, ready }
  }

  #add(slot: Slot, tokens: Uint32Array, logits: Uint32Array): ReadonlyArray<number> {
    const indexes = this.#context.addToBatch(slot.sequence, slot.position, tokens, logits)
    slot.position += tokens.length
    if (slot.keep) slot.fed.push(...tokens)
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
