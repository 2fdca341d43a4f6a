import { Result } from "effect"
import * as ChatTemplate from "../../src/engines/embedded/ChatTemplate.ts"
import { preparer } from "../../src/engines/embedded/Generation.ts"
import { Scheduler } from "../../src/engines/embedded/Scheduler.ts"
import * as Server from "../../src/engines/embedded/Server.ts"
import * as Http from "../../src/platform/httpServer.ts"
import type { AddonContext, AddonModel, AddonSampler, LlamaAddon } from "../../src/platform/llamaAddon.ts"

/** The embedded engine's server over a library that computes nothing: all that is left is its own work. */
const [, , port = "0", slots = "1"] = process.argv

class Sampler implements AddonSampler {
  applyConfig() {}
  dispose() {}
}
class Model implements AddonModel {
  init = async () => true
  dispose = async () => {}
  tokenize = () => Uint32Array.of(2, 3)
  detokenize = (tokens: Uint32Array) => " word".repeat(tokens.length)
  isEogToken = () => false
  tokenBos = () => 1
  shouldPrependBosToken = () => false
  getTotalParameters = () => 0
  getTrainContextSize = () => 0
}
class Context implements AddonContext {
  init = async () => true
  dispose = async () => {}
  setThreads = () => {}
  getThreads = () => 1
  getContextSize = () => 1
  initBatch = () => {}
  addToBatch = (_sequence: number, _position: number, _tokens: Uint32Array, logits: Uint32Array) => logits
  // The library answers from a thread of its own, so a turn of the event loop passes.
  decodeBatch = () => new Promise<void>((resolve) => setImmediate(resolve))
  sampleToken = async () => 5
  disposeSequence = () => {}
  removeTokenCellsFromSequence = () => true
}
const nothing = () => {}
const addon: LlamaAddon = {
  AddonModel: Model,
  AddonContext: Context,
  AddonSampler: Sampler,
  markLoaded: nothing,
  setLogger: nothing,
  setLoggerLogLevel: nothing,
  loadBackends: nothing,
  init: async () => {},
  dispose: async () => {},
  getMathCores: () => 1,
  systemInfo: () => "",
}
const sequences = Number(slots)
const model = new Model()
const context = new Context()
const scheduler = new Scheduler(context, model, {
  sequences,
  batchTokens: 512 + sequences,
  prefillTokens: 512,
  prefixCache: false,
})
const limits = { contextPerSequence: 4096, contextTokens: 4096 * sequences, batchTokens: 512, sequences }
const state: Server.ServerState = {
  model: "m",
  createdSeconds: 0,
  nowSeconds: () => 0,
  maximumQueued: 4096,
  maximumBodyBytes: 1 << 24,
  outcomes: new Map(),
  open: 0,
  draining: false,
  loaded: {
    info: {},
    limits,
    counts: () => scheduler.counts(),
    forget: nothing,
    prepare: preparer(addon, model, context, scheduler, {
      vocabularySize: 10,
      longestToken: 64,
      contextPerSequence: 4096,
    }),
    tokenizer: { tokenize: () => [], detokenize: () => Result.succeed("") },
    render: ChatTemplate.compile(null, { bos: "", eos: "" }),
  },
}
Http.listen({ host: "127.0.0.1", port: Number(port) }, (request) => Server.handle(state, request), Server.broken)
