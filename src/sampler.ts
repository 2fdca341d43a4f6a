import { openSource, type Source } from "./meters/Sources.ts"
import { raiseThreadPriority } from "./platform/libc.ts"
import { runSampler, type SamplerJob } from "./platform/samplerLoop.ts"

/** The thread that samples meters: it gets one job, and blocks in it until it is told to stop. */
declare const self: Worker

self.onmessage = (event: MessageEvent<SamplerJob<Source>>) => {
  runSampler(event.data, openSource, () => self.postMessage(raiseThreadPriority()))
}
