import { describe, expect, test } from "bun:test"
import { neededLibraries } from "../../src/platform/cpuVariants.ts"

const variants = ["alderlake", "haswell", "icelake", "sandybridge", "sse42", "x64", "zen4", "newcomer"]
const names = ["llama-addon.node", "libllama.so", ...variants.map((variant) => `libggml-cpu-${variant}.so`)]
const kept = (flags: string) =>
  neededLibraries(names, new Set(flags.split(" ")), "x64").flatMap((name) => /cpu-(.+)\.so/.exec(name)?.[1] ?? [])

const arm = ["8.0_1", "8.2_1", "8.2_2", "8.2_3", "8.6_1", "8.6_2", "9.2_1", "9.2_2"].map((one) => `armv${one}`)
const keptOfArm = (flags: string) => {
  const libraries = arm.map((variant) => `libggml-cpu-${variant}.so`)
  const kept = neededLibraries(libraries, new Set(flags.split(" ")), "armv8.0_1")
  return kept.flatMap((name) => /cpu-armv(.+)\.so/.exec(name)?.[1] ?? [])
}

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

  test("the same for the builds for ARM", () => {
    const graviton2 = "fp asimd asimdhp asimddp"
    expect(keptOfArm(graviton2)).toEqual(["8.0_1", "8.2_1", "8.2_2"])
    expect(keptOfArm(`${graviton2} sve i8mm`)).toEqual(["8.0_1", "8.2_2", "8.2_3", "8.6_1"])
    expect(keptOfArm(`${graviton2} sve i8mm sve2`)).toEqual(["8.0_1", "8.2_3", "8.6_1", "8.6_2"])
    expect(keptOfArm("fp asimd")).toEqual(["8.0_1"])
  })
})
