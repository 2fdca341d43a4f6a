import type {
  AddonContext,
  AddonModel,
  AddonSampler,
  LlamaAddon,
  SamplerConfig,
} from "../../src/platform/llamaAddon.ts"

const nothing = () => {}

/** A model of which nothing is asked but what is given. */
export const fakeModel = (over: Partial<AddonModel> = {}): AddonModel => ({
  init: async () => true,
  dispose: async () => {},
  tokenize: () => Uint32Array.of(2, 3),
  detokenize: () => "",
  isEogToken: () => false,
  tokenBos: () => 1,
  shouldPrependBosToken: () => false,
  getTotalParameters: () => 0,
  getTrainContextSize: () => 0,
  ...over,
})

/** A context that computes nothing: every token that is drawn is 5. */
export const fakeContext = (over: Partial<AddonContext> = {}): AddonContext => ({
  init: async () => true,
  dispose: async () => {},
  setThreads: nothing,
  getThreads: () => 1,
  getContextSize: () => 1,
  initBatch: nothing,
  addToBatch: (_sequence, _position, _tokens, logits) => logits,
  decodeBatch: async () => {},
  sampleToken: async () => 5,
  disposeSequence: nothing,
  removeTokenCellsFromSequence: () => true,
  ...over,
})

/** A library's samplers, which say how they are set. */
export const fakeSamplers = (
  onConfig: (config: SamplerConfig) => void = nothing,
): Pick<LlamaAddon, "AddonSampler"> => ({
  AddonSampler: class implements AddonSampler {
    applyConfig = onConfig
    dispose = nothing
  },
})
