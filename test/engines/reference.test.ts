import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { quick, realModel } from "../lib/env.ts"
import { ask, texts, tokensOf } from "./greedy.ts"
import { onlyAvx2 } from "./kernels.ts"
import { type Reference, startReference } from "./llamaServer.ts"
import { compare, type Greedy, nearTieOfSums } from "./nearTie.ts"
import { type RunningServer, startServer } from "./server.ts"

setDefaultTimeout(120_000)

const prompts = texts(quick ? 9 : 50)
const length = 32
const inFlight = 8
const folder = mkdtempSync(join(tmpdir(), "llem-kernels-"))

let sameKernels: RunningServer
let ownKernels: RunningServer
let reference: Reference
beforeAll(async () => {
  sameKernels = await startServer(realModel(), inFlight, { libraryFolders: [onlyAvx2(folder)] })
  ownKernels = await startServer(realModel(), inFlight)
  reference = await startReference(realModel(), inFlight)
})
afterAll(async () => {
  await Promise.all([sameKernels.stop(), ownKernels.stop(), reference.stop()])
  rmSync(folder, { recursive: true })
})

/** Results for every entry of a list, `inFlight` of them at a time. */
const forAll = async <A, B>(list: ReadonlyArray<A>, run: (one: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const left = [...list.entries()]
  const results = new Map<number, B>()
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results.set(next[0], await run(next[1]))
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return list.flatMap((_, index) => {
    const result = results.get(index)
    return result === undefined ? [] : [result]
  })
}

/** A greedy answer of the engine, with its tokens named by their ids as the reference names them. */
const askById = async (server: RunningServer, prompt: ReadonlyArray<number>): Promise<Greedy> => {
  const answer = await ask(server, prompt, length)
  return { ...answer, names: answer.tokens.map(String) }
}

describe("llama.cpp's own server", () => {
  test("makes the same tokens of a text", async () => {
    for (const text of prompts) expect(await tokensOf(sameKernels, text)).toEqual(await reference.tokenize(text))
  })

  test("gives the same greedy tokens with the same kernels, and up to near ties with this processor's", async () => {
    const asked = await Promise.all(prompts.map((text) => tokensOf(sameKernels, text)))
    const [theirs, ours] = await Promise.all([
      forAll(asked, (prompt) => reference.ask(prompt, length)),
      forAll(asked, (prompt) => askById(sameKernels, prompt)),
    ])
    const same = compare("the same kernels", theirs, ours)
    expect(same.far).toEqual([])
    expect(same.same).toBeGreaterThan(prompts.length / 2)
    const few = await forAll(asked.slice(0, quick ? 4 : 12), (prompt) => askById(ownKernels, prompt))
    const own = compare("this processor's kernels", theirs, few, nearTieOfSums)
    expect(own.far).toEqual([])
    expect(own.drift).toBeLessThan(nearTieOfSums)
  }, 240_000)
})
