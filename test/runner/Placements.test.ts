import { describe, expect, test } from "bun:test"
import * as Placements from "../../src/runner/Placements.ts"
import { experiment } from "../store/samples.ts"

const gpus = [
  { uuid: "GPU-a", name: "A" },
  { uuid: "GPU-b", name: "B" },
]
const both = ["GPU-a", "GPU-b"]
const of = (...over: Parameters<typeof experiment>) => Placements.gpusOf(experiment(...over), gpus)

describe("the GPUs of an experiment", () => {
  test("are the node's for a backend that uses GPUs, none for one that computes on the CPU", () => {
    expect(of({ backend: "vllm" })).toEqual(both)
    expect(of({ backend: "embedded" })).toEqual([])
    expect(of({ backend: "embedded", embedded: { gpu_layers: 1 } })).toEqual(both)
    expect(of({ backend: "embedded", embedded: { gpu_layers: 0 } })).toEqual([])
    expect(of({ backend: "endpoint" })).toEqual([])
  })

  test("llama-server's are its own choice, unless no layer may go there", () => {
    expect(of({ backend: "llamacpp" })).toEqual(both)
    expect(of({ backend: "llamacpp", llamacpp: { gpu_layers: 20 } })).toEqual(both)
    expect(of({ backend: "llamacpp", llamacpp: { gpu_layers: -1 } })).toEqual(both)
    expect(of({ backend: "llamacpp", llamacpp: { gpu_layers: 0 } })).toEqual([])
    expect(of({ backend: "llamacpp", devices: "none" })).toEqual([])
  })

  test("that are named hold: by index, by UUID, and one that is not there as it was written", () => {
    expect(of({ backend: "llamacpp", llamacpp: { gpu_layers: 0 }, devices: [1] })).toEqual(["GPU-b"])
    expect(of({ backend: "vllm", devices: ["GPU-b", 0, 7] })).toEqual(["GPU-b", "GPU-a", "7"])
    expect(of({ backend: "embedded", devices: "all" })).toEqual(both)
  })

  test("that are named by index are the driver's, in whatever order they were found", () => {
    const found = [
      { uuid: "GPU-three", name: "A", index: 3 },
      { uuid: "GPU-zero", name: "A", index: 0 },
    ]
    const named = (...devices: ReadonlyArray<number>) =>
      Placements.gpusOf(experiment({ backend: "vllm", devices }), found)
    expect(named(0)).toEqual(["GPU-zero"])
    expect(named(3, 0)).toEqual(["GPU-three", "GPU-zero"])
    expect(named(1)).toEqual(["1"])
  })
})
