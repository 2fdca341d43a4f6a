import { Result } from "effect"
import * as ChatTemplate from "../../src/engines/embedded/ChatTemplate.ts"
import { preparer } from "../../src/engines/embedded/Generation.ts"
import { Scheduler } from "../../src/engines/embedded/Scheduler.ts"
import * as Server from "../../src/engines/embedded/Server.ts"
import * as Http from "../../src/platform/httpServer.ts"
import { fakeContext, fakeModel, fakeSamplers } from "../../test/lib/addon.ts"

/** The embedded engine's server over a library that computes nothing: all that is left is its own work. */
const [, , port = "0", slots = "1"] = process.argv

const sequences = Number(slots)
const model = fakeModel({ detokenize: (tokens) => " word".repeat(tokens.length) })
const context = fakeContext({
  // The library answers from a thread of its own, so a turn of the event loop passes.
  decodeBatch: () => new Promise<void>((resolve) => setImmediate(resolve)),
})
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
    forget: () => {},
    prepare: preparer(fakeSamplers(), model, context, scheduler, {
      vocabularySize: 10,
      longestToken: 64,
      contextPerSequence: 4096,
    }),
    tokenizer: { tokenize: () => [], detokenize: () => Result.succeed("") },
    render: ChatTemplate.compile(null, { bos: "", eos: "" }),
  },
}
Http.listen({ host: "127.0.0.1", port: Number(port) }, (request) => Server.handle(state, request), Server.broken)
