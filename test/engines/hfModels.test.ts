import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { missing } from "../../src/cli/contents.ts"
import type { Experiment } from "../../src/domain/Experiment.ts"
import { hubDirectory } from "../../src/engines/HfModel.ts"
import * as LocalModels from "../../src/engines/localModels.ts"
import { Models } from "../../src/engines/Models.ts"
import { live } from "../lib/effect.ts"
import { experiment as sample } from "../store/samples.ts"

const root = mkdtempSync(join(tmpdir(), "llem-hf-models-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const study = join(root, "study")
const hub = join(root, "hub")
const places = { baseDirectory: study, cacheDirectories: [join(root, "cache")], hubDirectory: hub }

const safetensors = (tensors: object): Uint8Array => {
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: { format: "pt" }, ...tensors }))
  const bytes = new Uint8Array(8 + header.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
  bytes.set(header, 8)
  return bytes
}

const tensors = {
  "model.embed_tokens.weight": { dtype: "BF16", shape: [100, 8], data_offsets: [0, 0] },
  "model.layers.0.mlp.weight": { dtype: "BF16", shape: [8, 16], data_offsets: [0, 0] },
  "model.norm.weight": { dtype: "F32", shape: [8], data_offsets: [0, 0] },
  "lm_head.weight": { dtype: "BF16", shape: [100, 8], data_offsets: [0, 0] },
}
const config = { architectures: ["LlamaForCausalLM"], vocab_size: 100, max_position_embeddings: 64 }

const makeModel = (folder: string, over: object = {}): string => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...over }))
  writeFileSync(join(folder, "model.safetensors"), safetensors(tensors))
  return folder
}

/** A model in the hub's cache as its own tools lay it out: links from a snapshot to blobs. */
const cacheModel = (name: string, commit: string, ref: string | null): string => {
  const folder = join(hub, name)
  const snapshot = join(folder, "snapshots", commit)
  makeModel(join(folder, "blobs"))
  mkdirSync(snapshot, { recursive: true })
  for (const file of ["config.json", "model.safetensors"]) symlinkSync(`../../blobs/${file}`, join(snapshot, file))
  if (ref !== null) {
    mkdirSync(join(folder, "refs"), { recursive: true })
    writeFileSync(join(folder, "refs", ref), `${commit}\n`)
  }
  return snapshot
}

const experiment = (over: Partial<Experiment>): Experiment => sample({ backend: "vllm", ...over })
const resolve = (over: Partial<Experiment>) =>
  Models.use((models) => models.resolve(experiment(over))).pipe(Effect.provide(LocalModels.layer(places)))

describe("models in Hugging Face's format", () => {
  live("a folder of the study's, with the shape of its weights", () =>
    Effect.gen(function* () {
      const folder = makeModel(join(study, "models/small"))
      expect(yield* resolve({ model: "models/small" })).toMatchObject({
        path: folder,
        folder,
        sha256: null,
        vocabularySize: 100,
        weights: {
          architecture: "LlamaForCausalLM",
          name: "models/small",
          format: "BF16",
          parameters: 1736,
          nonEmbeddingParameters: 136,
          vocabularySize: 100,
          contextLength: 64,
        },
      })
      expect((yield* resolve({ model: folder, precision: "fp16" })).weights?.format).toBe("F16")
      expect((yield* resolve({ model: { gguf: "a.gguf", hf: "./models/small" } })).path).toBe(folder)
    }),
  )

  live("of quantised weights the shape is not told, the vocabulary is", () =>
    Effect.gen(function* () {
      makeModel(join(study, "awq"), { quantization_config: { quant_method: "awq" } })
      const found = yield* resolve({ model: "./awq" })
      expect(found.weights).toBeNull()
      expect(found.vocabularySize).toBe(100)
    }),
  )

  live("a name of the hub is its snapshot in the cache, whose links stay within the model's folder", () =>
    Effect.gen(function* () {
      const main = cacheModel("models--org--name", "0a", "main")
      const pinned = cacheModel("models--org--pinned", "1b", null)
      expect(yield* resolve({ model: "org/name" })).toMatchObject({
        path: main,
        folder: join(hub, "models--org--name"),
        weights: { parameters: 1736 },
      })
      const vllm = { engine: { revision: "1b" } }
      expect((yield* resolve({ model: "org/pinned", vllm })).path).toBe(pinned)
      expect((yield* resolve({ backend: "sglang", model: "org/pinned", sglang: { revision: "1b" } })).path).toBe(pinned)
      expect(yield* Effect.flip(resolve({ model: "org/pinned" }))).toMatchObject({
        reason: "model",
        fix: "Engines download nothing while llem measures; fetch it first: hf download org/pinned",
      })
    }),
  )

  live("what is not here, or not whole, says what to do", () =>
    Effect.gen(function* () {
      mkdirSync(join(study, "empty"), { recursive: true })
      makeModel(join(study, "damaged"))
      writeFileSync(join(study, "damaged/model.safetensors"), "abc")
      const failed = (model: string) => Effect.flip(resolve({ model }))
      expect((yield* failed("/nowhere/at/all")).message).toContain("there is no folder /nowhere/at/all")
      expect((yield* failed("./empty")).message).toContain("no readable config.json")
      expect((yield* failed("./damaged")).message).toContain("model.safetensors is no safetensors file")
    }),
  )

  live("planning tells of each missing model once, with the command that fetches it", () =>
    Effect.gen(function* () {
      const study = [
        experiment({ model: "org/absent" }),
        experiment({ model: "org/absent", n: 3 }),
        experiment({ model: "org/absent", backend: "sglang" }),
        experiment({ model: "./models/small" }),
        experiment({ model: "a.gguf" }),
      ]
      const found = yield* missing(study, places)
      expect(found.map(({ code, fix, blocking }) => [code, fix.split(": ")[1], blocking])).toEqual([
        ["model_missing", "hf download org/absent", false],
      ])
    }),
  )

  test("the hub's cache is where its own variables say", () => {
    expect(hubDirectory({}, "/home/u/.cache")).toBe("/home/u/.cache/huggingface/hub")
    expect(hubDirectory({ HF_HOME: "/data/hf" }, "/home/u/.cache")).toBe("/data/hf/hub")
    expect(hubDirectory({ HF_HOME: "/data/hf", HF_HUB_CACHE: "/hub" }, "/home/u/.cache")).toBe("/hub")
  })
})
