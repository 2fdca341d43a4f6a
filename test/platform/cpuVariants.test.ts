import { describe, expect, test } from "bun:test"
import { neededLibraries } from "../../src/platform/cpuVariants.ts"

const variants = ["alderlake", "haswell", "icelake", "sandybridge", "sse42", "x64", "zen4", "newcomer"]
const names = ["llama-addon.node", "libllama.so", ...variants.map((variant) => `libggml-cpu-${variant}.so`)]
const kept = (flags: string) =>
  neededLibraries(names, new Set(flags.split(" "))).flatMap((name) => /cpu-(.+)\.so/.exec(name)?.[1] ?? [])

describe("libraries of an image", () => {
  test("whatever is no CPU build stays", () => {
    expect(neededLibraries(names, new Set())).toContain("llama-addon.node")
    expect(neededLibraries(names, new Set())).toContain("libllama.so")
  })

  test("of the CPU builds the best that run here, and the plainest", () => {
    const avx2 = "sse4_2 avx f16c fma bmi2 avx2"
    expect(kept(avx2)).toEqual(["haswell", "sandybridge", "x64", "newcomer"])
    expect(kept(`${avx2} avx512f avx512vbmi avx512_vnni avx512_bf16`)).toEqual(["icelake", "x64", "zen4", "newcomer"])
    expect(kept("")).toEqual(["x64", "newcomer"])
  })
})
