import { constants } from "node:os"
import { join } from "node:path"
import { packed } from "./engineAssets.ts"

/** A loaded model of the N-API addon. Asking about a token id past the vocabulary aborts the process. */
export interface AddonModel {
  init(): Promise<boolean>
  dispose(): Promise<void>
  tokenize(text: string, specialTokens: boolean): Uint32Array
  detokenize(tokens: Uint32Array, specialTokens: boolean): string
  isEogToken(token: number): boolean
  tokenBos(): number
  shouldPrependBosToken(): boolean
  getTotalParameters(): number
  getTrainContextSize(): number
}

export interface AddonContext {
  init(): Promise<boolean>
  dispose(): Promise<void>
  setThreads(threads: number): void
  getThreads(): number
  getContextSize(): number
  initBatch(size: number): void
  /** Adds tokens of a sequence from a position on; gives the batch index of each token whose logits were asked for. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): ArrayLike<number>
  decodeBatch(): Promise<void>
  sampleToken(batchIndex: number, sampler: AddonSampler): Promise<number>
  disposeSequence(sequence: number): void
  /** Forgets positions from `start` up to `end` (-1: all that follow); false where the model's memory cannot be cut there. */
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean
}

/** Logits as a sampler's last stage has them. */
export interface SampledLogits {
  /** Token and logit by turns: the likeliest ones, and the one that was asked for. */
  readonly pairs: ReadonlyArray<number>
  /** Sum of exp(logit - largest logit) over all tokens. */
  readonly weight: number
}

const isNumbers = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((entry) => typeof entry === "number")

/** Reads logits at a place of the batch: those of the likeliest tokens, `top` of them and at least one, and of `token`. */
export const readLogits = async (
  context: AddonContext,
  batchIndex: number,
  sampler: AddonSampler,
  token: number,
  top: number,
): Promise<SampledLogits> => {
  const wanted = [[token], false, false, false, Math.max(1, top)]
  const answer: unknown = await Reflect.apply(context.sampleToken, context, [
    batchIndex,
    sampler,
    false,
    false,
    wanted,
    true,
  ])
  const pairs: unknown = Array.isArray(answer) ? answer[3] : undefined
  const weight: unknown = Array.isArray(answer) ? answer[4] : undefined
  if (!isNumbers(pairs) || typeof weight !== "number") throw new Error("the engine's library gave no logits")
  return { pairs, weight }
}

export interface SamplerConfig {
  readonly temperature: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly seed?: number
  readonly repeatPenalty?: number
  readonly repeatPenaltyPresencePenalty?: number
  readonly repeatPenaltyFrequencyPenalty?: number
  /** Length of the history that penalties look at. */
  readonly repeatPenaltyMaxTokens?: number
  /** Tokens that came before; penalties are off without it. The sampler adds those that it draws. */
  readonly repeatPenaltyTokens?: Uint32Array
  readonly tokenBiasKeys?: Uint32Array
  readonly tokenBiasValues?: Float32Array
}

export interface AddonSampler {
  applyConfig(config: SamplerConfig): void
  dispose(): void
}

export interface LlamaAddon {
  AddonModel: new (
    path: string,
    options: { addonExports: LlamaAddon; gpuLayers: number; useMmap: boolean },
  ) => AddonModel
  AddonContext: new (
    model: AddonModel,
    options: { contextSize: number; batchSize: number; sequences: number; threads: number },
  ) => AddonContext
  AddonSampler: new (model: AddonModel) => AddonSampler
  markLoaded(): void
  setLogger(log: (level: number, message: string) => void): void
  setLoggerLogLevel(level: number): void
  loadBackends(directory?: string): void
  init(): Promise<void>
  dispose(): Promise<void>
  getMathCores(): number
  systemInfo(): string
}

/** What a loaded addon tells of GPUs, beside all that it is for. */
export interface LoadedAddon extends LlamaAddon {
  /** Throws where a GPU that it has found is too old for it. */
  ensureGpuDeviceIsSupported(): void
  /** `cuda` or `vulkan`; false where the library of its GPU backend did not load. */
  getGpuType(): unknown
  /** `deviceNames`: names of its GPUs. */
  getGpuDeviceInfo(): unknown
  /** `total`: bytes of all its GPUs. */
  getGpuVramInfo(): unknown
}

const needed = [
  ...["AddonModel", "AddonContext", "AddonSampler", "markLoaded", "setLogger", "loadBackends", "init"],
  ...["ensureGpuDeviceIsSupported", "getGpuType", "getGpuDeviceInfo", "getGpuVramInfo"],
]

const isAddon = (value: unknown): value is LoadedAddon =>
  typeof value === "object" && value !== null && needed.every((name) => typeof Reflect.get(value, name) === "function")

const warnings = 3

/** Loads the addon and the best CPU backend from a folder of unpacked libraries. Only for the engine's own process. */
export const load = (directory: string, log: (level: number, message: string) => void): LoadedAddon => {
  const module: { exports: unknown } = { exports: {} }
  process.dlopen(module, join(directory, packed.manifest.addon), constants.dlopen.RTLD_NOW)
  const addon = module.exports
  if (!isAddon(addon)) throw new Error("the engine's addon does not have the functions it should")
  addon.markLoaded()
  addon.setLogger(log)
  addon.setLoggerLogLevel(warnings)
  addon.loadBackends()
  addon.loadBackends(directory)
  return addon
}
