import { reasonOf } from "../../domain/Unknown.ts"
import * as Life from "../../platform/childLife.ts"
import { engineVersion, extract } from "../../platform/engineLibraries.ts"
import * as Variant from "../../platform/engineVariant.ts"
import { readHeader } from "../../platform/ggufFile.ts"
import * as Http from "../../platform/httpServer.ts"
import { dieOfAborts } from "../../platform/libc.ts"
import * as Addon from "../../platform/llamaAddon.ts"
import { locate } from "../../platform/variantFolder.ts"
import { type EngineArguments, fromArgv } from "./Arguments.ts"
import { calibrate } from "./Calibration.ts"
import * as ChatTemplate from "./ChatTemplate.ts"
import { preparer } from "./Generation.ts"
import * as Gguf from "./Gguf.ts"
import { Scheduler } from "./Scheduler.ts"
import * as Server from "./Server.ts"
import { tokenizer } from "./Tokenizer.ts"

const maximumQueued = 4096
const maximumBodyBytes = 16 * 1024 * 1024
/** How long requests that run may take once the server is asked to end. */
const drainMilliseconds = 30_000
const lastBytesMilliseconds = 200

const log = (_level: number, message: string): void => Life.logLine(message.trimEnd())

/** The addon with what it computes on: the build inside llem, or the one that the command line names. */
const loadAddon = async ({ variantFolder, libraryFolders }: EngineArguments) => {
  if (variantFolder === null) {
    const addon = Addon.load(extract(libraryFolders), log)
    await addon.init()
    return { addon, version: engineVersion, variant: "cpu", devices: [] }
  }
  try {
    const found = locate(variantFolder)
    const addon = Variant.load(found, log)
    await addon.init()
    const { devices } = Variant.gpusOf(addon, found)
    return { addon, version: found.version, variant: found.kind, devices }
  } catch (cause) {
    throw new Error(`the build in ${variantFolder} cannot be used: ${reasonOf(cause)}`)
  }
}

const load = async (args: EngineArguments): Promise<Server.Loaded> => {
  const header = readHeader(args.modelPath, Gguf.parse)
  const weights = Gguf.weights(header)
  const { addon, version, variant, devices } = await loadAddon(args)
  const layers = Math.min(args.gpuLayers, Gguf.layers(header))
  const model = new addon.AddonModel(args.modelPath, { addonExports: addon, gpuLayers: layers, useMmap: args.mmap })
  if (!(await model.init())) throw new Error(`llama.cpp could not load the model ${args.modelPath}`)
  const contextTokens = args.contextPerSequence * args.slots
  const batchTokens = Math.max(args.slots, Math.min(args.slots + args.prefillChunk, contextTokens))
  const cores = Math.max(1, addon.getMathCores())
  const context = new addon.AddonContext(model, {
    contextSize: contextTokens,
    batchSize: batchTokens,
    sequences: args.slots,
    threads: args.threads ?? cores,
  })
  if (!(await context.init()))
    throw new Error(`llama.cpp could not make a context of ${contextTokens} tokens for ${args.slots} sequences`)
  const calibration = args.threads === null ? await calibrate(context, cores, args.slots) : null
  const scheduler = new Scheduler(context, model, {
    sequences: args.slots,
    batchTokens,
    prefillTokens: args.prefillChunk,
    prefixCache: args.prefixCache,
  })
  const chat = Gguf.chat(header)
  const special = (token: number | null) =>
    token === null || token >= weights.vocabularySize ? "" : model.detokenize(Uint32Array.of(token), true)
  const limits = {
    vocabularySize: weights.vocabularySize,
    longestToken: Gguf.longestToken(header),
    contextPerSequence: args.contextPerSequence,
  }
  return {
    info: {
      version,
      variant,
      gpu_layers: layers,
      devices,
      model_name: weights.name,
      weight_format: weights.format,
      parameters: weights.parameters,
      threads: context.getThreads(),
      calibration: calibration?.points ?? null,
      slots: args.slots,
      context_per_sequence: args.contextPerSequence,
      batch_tokens: batchTokens,
      prefill_chunk: args.prefillChunk,
      prefix_cache: args.prefixCache,
      system: addon.systemInfo().trim(),
    },
    counts: () => scheduler.counts(),
    forget: () => scheduler.forget(),
    limits: { contextPerSequence: args.contextPerSequence, contextTokens, batchTokens, sequences: args.slots },
    prepare: preparer(addon, model, context, scheduler, limits),
    tokenizer: tokenizer(model, weights.vocabularySize),
    render: ChatTemplate.compile(chat.template, { bos: special(chat.bosToken), eos: special(chat.eosToken) }),
  }
}

/** The embedded engine's server: runs in a process of its own, started from this same binary. */
export const serve = async (argv: ReadonlyArray<string>): Promise<void> => {
  const args = fromArgv(argv)
  if (typeof args === "string") return Life.die(`embedded engine: ${args}`)
  if (args.followParent) Life.followParent()
  dieOfAborts()
  const state: Server.ServerState = {
    model: args.servedModel,
    createdSeconds: Life.nowSeconds(),
    nowSeconds: Life.nowSeconds,
    maximumQueued,
    maximumBodyBytes,
    outcomes: new Map(),
    open: 0,
    draining: false,
    loaded: null,
  }
  try {
    const server = Http.listen(args, (request) => Server.handle(state, request), Server.broken)
    Life.onTerminate(async () => {
      state.draining = true
      const isBusy = state.open > 0
      await Life.waitUntil(() => state.open === 0, drainMilliseconds)
      // The last answers are still on their way to their readers.
      if (isBusy) await Life.waitUntil(() => false, lastBytesMilliseconds)
      await server.stop()
    })
    Life.logLine(`embedded engine: listening on ${args.host}:${server.port}`)
    state.loaded = await load(args)
    Life.logLine(`embedded engine: ready, ${JSON.stringify(state.loaded.info)}`)
  } catch (cause) {
    Life.die(`embedded engine: ${reasonOf(cause)}`)
  }
}
