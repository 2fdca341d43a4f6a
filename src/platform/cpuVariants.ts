import { readFileSync } from "node:fs"
import { architecture } from "./nodeArchitecture.ts"

/** The processor features that each build of llama.cpp's CPU backend needs beyond its baseline, in the kernel's names. */
const needs: Readonly<Record<string, ReadonlyArray<string>>> = {
  x64: [],
  sse42: ["sse4_2"],
  sandybridge: ["sse4_2", "avx"],
  ivybridge: ["sse4_2", "avx", "f16c"],
  piledriver: ["sse4_2", "avx", "f16c", "fma"],
  haswell: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2"],
  alderlake: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx_vnni"],
  skylakex: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f"],
  cannonlake: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512vbmi"],
  cascadelake: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512_vnni"],
  cooperlake: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512_vnni", "avx512_bf16"],
  icelake: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512vbmi", "avx512_vnni"],
  zen4: ["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512vbmi", "avx512_vnni", "avx512_bf16"],
  sapphirerapids: [
    ...["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512vbmi", "avx512_vnni", "avx512_bf16"],
    ...["amx_tile", "amx_int8"],
  ],
  "armv8.0_1": [],
  "armv8.2_1": ["asimddp"],
  "armv8.2_2": ["asimddp", "asimdhp"],
  "armv8.2_3": ["asimddp", "asimdhp", "sve"],
  "armv8.6_1": ["asimddp", "asimdhp", "sve", "i8mm"],
  "armv8.6_2": ["asimddp", "asimdhp", "sve", "i8mm", "sve2"],
  "armv9.2_1": ["asimddp", "asimdhp", "sve", "i8mm", "sme"],
  "armv9.2_2": ["asimddp", "asimdhp", "sve", "i8mm", "sve2", "sme"],
}

const keptBest = 3

/** Features of this node's processor. */
const features = (): ReadonlySet<string> => {
  try {
    const line = new RegExp(`^${architecture.featuresLine}\\s*:\\s*(.*)$`, "m").exec(
      readFileSync("/proc/cpuinfo", "utf8"),
    )?.[1]
    return new Set((line ?? "").split(" "))
  } catch {
    return new Set()
  }
}

/**
 * Of the packed libraries those that a processor with these features needs: everything that is no CPU build, the
 * plainest build, and the best of those that run. llama.cpp takes the best one of what it finds, so leaving out what
 * cannot run changes nothing but the size.
 */
export const neededLibraries = (
  names: ReadonlyArray<string>,
  have: ReadonlySet<string> = features(),
  plainest = architecture.plainest,
): ReadonlyArray<string> => {
  const variantOf = (name: string): string | null => /^libggml-cpu-(.+)\.so$/.exec(name)?.[1] ?? null
  const running = names
    .flatMap((name) => variantOf(name) ?? [])
    .filter((variant) => needs[variant]?.every((feature) => have.has(feature)) ?? true)
    .sort((a, b) => (needs[b]?.length ?? 99) - (needs[a]?.length ?? 99))
  const kept = new Set([...running.slice(0, keptBest), plainest])
  return names.filter((name) => {
    const variant = variantOf(name)
    return variant === null || kept.has(variant)
  })
}
