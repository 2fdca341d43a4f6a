import { join } from "node:path"
import { freePort } from "../../src/platform/process.ts"
import { llamaServer } from "../lib/env.ts"
import type { Greedy } from "./nearTie.ts"

interface Ranked {
  readonly id: number
  readonly logprob: number
}

interface Completion {
  readonly tokens: ReadonlyArray<number>
  readonly completion_probabilities: ReadonlyArray<Ranked & { readonly top_logprobs: ReadonlyArray<Ranked> }>
}

/** llama.cpp's own server as a process. */
export interface Reference {
  readonly tokenize: (text: string) => Promise<ReadonlyArray<number>>
  /** A greedy answer of exactly `length` tokens; tokens are named by their ids. */
  readonly ask: (prompt: ReadonlyArray<number>, length: number) => Promise<Greedy>
  /** Log probabilities of the `count` likeliest next tokens, by id; the prompt's beginning is cached. */
  readonly next: (prompt: ReadonlyArray<number>, count: number) => Promise<ReadonlyMap<number, number>>
  readonly stop: () => Promise<void>
}

/** Starts it with a context of `slots` times 512 tokens and waits until it is ready. */
export const startReference = async (modelPath: string, slots: number): Promise<Reference> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const command = [join(llamaServer(), "llama-server"), "-m", modelPath, "--port", String(port)]
  const options = ["-np", String(slots), "-c", String(slots * 512), "-t", "1", "-cram", "0", "--no-ui"]
  const child = Bun.spawn([...command, ...options], { stdin: "ignore", stdout: "ignore", stderr: "ignore" })
  while ((await fetch(`${url}/health`).catch(() => null))?.status !== 200) {
    if (child.exitCode !== null) throw new Error(`llama-server ended with code ${child.exitCode}`)
    await Bun.sleep(20)
  }
  const post = async (path: string, body: Record<string, unknown>) => {
    const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) })
    const text = await response.text()
    if (response.status !== 200) throw new Error(text)
    return JSON.parse(text)
  }
  const complete = (prompt: ReadonlyArray<number>, length: number, probabilities: number): Promise<Completion> =>
    post("/completion", {
      prompt,
      n_predict: length,
      temperature: 0,
      ignore_eos: length > 1,
      return_tokens: true,
      cache_prompt: length === 1,
      n_probs: probabilities,
    })
  return {
    tokenize: async (text) => (await post("/tokenize", { content: text })).tokens,
    ask: async (prompt, length) => {
      const { tokens, completion_probabilities } = await complete(prompt, length, 5)
      return {
        tokens,
        names: tokens.map(String),
        logprobs: completion_probabilities.map(({ logprob }) => logprob),
        top: completion_probabilities.map(
          ({ top_logprobs }) => new Map(top_logprobs.map(({ id, logprob }) => [String(id), logprob])),
        ),
      }
    },
    next: async (prompt, count) => {
      const { completion_probabilities } = await complete(prompt, 1, count)
      return new Map((completion_probabilities[0]?.top_logprobs ?? []).map(({ id, logprob }) => [id, logprob]))
    },
    stop: async () => {
      child.kill("SIGTERM")
      await child.exited
    },
  }
}
