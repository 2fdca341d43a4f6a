import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { projectRoot, quick, realModel } from "../lib/env.ts"
import { ask, tokensOf } from "./greedy.ts"
import { onlyAvx2 } from "./kernels.ts"
import { type Reference, startReference } from "./llamaServer.ts"
import { type RunningServer, startServer } from "./server.ts"

setDefaultTimeout(120_000)

const text = readFileSync(join(projectRoot, "test/fixtures/perplexity.txt"), "utf8").trim()
const folder = mkdtempSync(join(tmpdir(), "llem-kernels-"))

let sameKernels: RunningServer
let ownKernels: RunningServer
let reference: Reference
beforeAll(async () => {
  const context = { contextPerSequence: 512 }
  sameKernels = await startServer(realModel(), 1, { ...context, libraryFolders: [onlyAvx2(folder)] })
  ownKernels = await startServer(realModel(), 4, { ...context, prefillChunk: 16, prefixCache: true })
  reference = await startReference(realModel(), 1)
})
afterAll(async () => {
  await Promise.all([sameKernels.stop(), ownKernels.stop(), reference.stop()])
  rmSync(folder, { recursive: true })
})

interface Logprobs {
  readonly tokens: ReadonlyArray<string>
  readonly token_logprobs: ReadonlyArray<number | null>
  readonly text_offset: ReadonlyArray<number>
}

/** A prompt said again with its log probabilities, and nothing after it. */
const echo = async (server: RunningServer, prompt: unknown): Promise<{ text: string; logprobs: Logprobs }> => {
  const response = await server.post({ prompt, max_tokens: 0, echo: true, logprobs: 0 })
  return JSON.parse(await response.text()).choices[0]
}

const perplexity = (logprobs: ReadonlyArray<number>): number =>
  Math.exp(-logprobs.reduce((sum, one) => sum + one, 0) / logprobs.length)

/** The same of the reference: at each token, what it makes of the next one. */
const ofReference = async (tokens: ReadonlyArray<number>): Promise<ReadonlyArray<number>> => {
  const logprobs: Array<number> = []
  for (let at = 1; at < tokens.length; at++) {
    const [before, token] = [tokens.slice(0, at), tokens[at] ?? -1]
    const likely = await reference.next(before, 1000)
    const logprob = likely.get(token) ?? (await reference.next(before, 49_152)).get(token)
    logprobs.push(logprob ?? Number.NEGATIVE_INFINITY)
  }
  return logprobs
}

describe("a prompt's own log probabilities", () => {
  test("come with its text, and are those of the same tokens when they are generated", async () => {
    const greedy = await ask(ownKernels, text.slice(0, 300), 20)
    const prompt = [...(await tokensOf(ownKernels, text.slice(0, 300))), ...greedy.tokens]
    const said = await echo(ownKernels, prompt)
    expect(said.text).toStartWith(text.slice(0, 300))
    expect(said.logprobs.token_logprobs[0]).toBeNull()
    expect(said.logprobs.token_logprobs.slice(-20)).toEqual([...greedy.logprobs])
    for (const [index, token] of said.logprobs.tokens.entries())
      expect(said.text.slice(said.logprobs.text_offset[index])).toStartWith(token)
  })

  test("are the same while other requests run", async () => {
    const part = text.slice(0, 240)
    const alone = await echo(ownKernels, part)
    const others = [3, 20, 40].map((length) => ask(ownKernels, text.slice(0, length * 4), 8))
    expect(await echo(ownKernels, part)).toEqual(alone)
    await Promise.all(others)
    const [one, two] = await Promise.all([echo(ownKernels, part), echo(ownKernels, part)])
    expect([one, two]).toEqual([alone, alone])
  })

  test("make the perplexity of llama.cpp's own server", async () => {
    const all = await tokensOf(sameKernels, text)
    const tokens = all.slice(0, quick ? 60 : all.length)
    const known = ({ logprobs }: { logprobs: Logprobs }) =>
      logprobs.token_logprobs.flatMap((one) => (one === null ? [] : [one]))
    const same = known(await echo(sameKernels, tokens))
    const theirs = await ofReference(tokens)
    expect(same).toHaveLength(tokens.length - 1)
    const own = known(await echo(ownKernels, tokens))
    const [a, b, c] = [theirs, same, own].map(perplexity)
    const furthest = Math.max(...theirs.map((one, index) => Math.abs(one - (same[index] ?? Number.NaN))))
    console.log(
      `perplexity of ${tokens.length} tokens: llama.cpp ${a?.toFixed(4)}, the same kernels ${b?.toFixed(4)}, this processor's ${c?.toFixed(4)}; log probabilities within ${furthest.toFixed(4)}`,
    )
    expect(Math.abs((b ?? 0) / (a ?? 1) - 1)).toBeLessThan(0.005)
    expect(Math.abs((c ?? 0) / (a ?? 1) - 1)).toBeLessThan(0.02)
  })
})
