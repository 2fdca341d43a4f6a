import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { quick, realModel, softwareVulkan, vulkanVariant } from "../lib/env.ts"
import { commandOf, type RunningServer, startServer, syntheticModel } from "./server.ts"

/** What a server takes for the likeliest tokens, with their log probabilities. */
const greedy = async (server: RunningServer, prompt: unknown) => {
  const asked = { model: "m", prompt, max_tokens: 8, temperature: 0, ignore_eos: true, return_token_ids: true }
  const [choice] = JSON.parse(await (await server.post({ ...asked, logprobs: 0 })).text()).choices
  const tokens: ReadonlyArray<number> = choice.token_ids
  const logprobs: ReadonlyArray<number> = choice.logprobs.token_logprobs
  return { tokens, logprobs }
}

const models = [
  { name: "a synthetic model", path: syntheticModel, prompts: [[300, 307, 314, 321, 328, 335]], layers: 7 },
  {
    name: "a real model",
    path: realModel,
    prompts: ["The capital of France is", "Two plus two equals", "Water boils at", "Once upon a time"],
    layers: 31,
  },
]

describe.if(process.arch === "x64" && !quick)("the embedded engine for Vulkan, on a driver in software", () => {
  describe.each(models)("with $name", ({ path, prompts, layers }) => {
    let cpu: RunningServer
    let gpu: RunningServer
    beforeAll(async () => {
      const model = path()
      cpu = await startServer(model, 2)
      gpu = await startServer(model, 2, { gpuLayers: 99, variantFolder: vulkanVariant() }, softwareVulkan())
    }, 120_000)
    afterAll(() => Promise.all([cpu.stop(), gpu.stop()]))

    test("says what it runs on, as the one for the CPU does", async () => {
      const onGpu: Record<string, unknown> = await gpu.props()
      const device = expect.stringContaining("llvmpipe")
      expect(onGpu).toMatchObject({ variant: "vulkan", gpu_layers: layers, devices: [device] })
      expect(onGpu["version"]).toMatch(/^llama\.cpp v.* \(node-llama-cpp /)
      const onCpu: Record<string, unknown> = await cpu.props()
      expect(onCpu).toMatchObject({ variant: "cpu", gpu_layers: 0, devices: [], version: onGpu["version"] })
    })

    test("its likeliest tokens are those of the CPU at first, and about as likely", async () => {
      for (const prompt of prompts) {
        const [onCpu, onGpu] = [await greedy(cpu, prompt), await greedy(gpu, prompt)]
        expect(onGpu.tokens).toHaveLength(8)
        expect(onGpu.tokens.slice(0, 3)).toEqual(onCpu.tokens.slice(0, 3))
        for (const [index, logprob] of onGpu.logprobs.slice(0, 3).entries())
          expect(Math.abs(logprob - (onCpu.logprobs[index] ?? 0))).toBeLessThan(0.3)
      }
    }, 240_000)
  })

  test("ends with the reason where its device is gone", async () => {
    const { command } = await commandOf(syntheticModel(), 1, false, {
      gpuLayers: 99,
      variantFolder: vulkanVariant(),
    })
    const child = Bun.spawn(command, {
      env: { ...process.env, ...softwareVulkan(), GGML_VK_VISIBLE_DEVICES: "" },
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
    })
    expect(await new Response(child.stderr).text()).toMatch(
      /embedded engine: the build in .* cannot be used: Vulkan found/,
    )
    expect(await child.exited).toBe(1)
  }, 60_000)
})
