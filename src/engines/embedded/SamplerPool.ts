import type { AddonModel, AddonSampler, LlamaAddon, SamplerConfig } from "../../platform/llamaAddon.ts"

/**
 * Samplers to be used again. Each one holds a table as long as the vocabulary, which the library lets go of only when
 * the garbage collector, which does not know its size, gets to the sampler: with a new one for every request, hundreds
 * of megabytes would be garbage at any time.
 */
export class SamplerPool {
  readonly #make: () => AddonSampler
  readonly #free: Array<AddonSampler> = []

  constructor(addon: Pick<LlamaAddon, "AddonSampler">, model: AddonModel) {
    this.#make = () => new addon.AddonSampler(model)
  }

  /** A sampler that is set as asked and has drawn nothing yet. */
  take(config: SamplerConfig): AddonSampler {
    const used = this.#free.pop()
    const sampler = used ?? this.#make()
    // What is set as it was before goes on from where it is: another seed, and no penalties, make it begin anew.
    if (used !== undefined) sampler.applyConfig({ temperature: 0, seed: (config.seed ?? 0) % 2 === 0 ? 1 : 0 })
    sampler.applyConfig(config)
    return sampler
  }

  /** Takes a sampler back that nothing uses any more. */
  give(sampler: AddonSampler): void {
    this.#free.push(sampler)
  }
}
