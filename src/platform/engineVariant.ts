import { dlopen } from "bun:ffi"
import { join } from "node:path"
import { kindNames, type VariantKind } from "../domain/EmbeddedVariant.ts"
import { fieldOf, reasonOf } from "../domain/Unknown.ts"
import * as Addon from "./llamaAddon.ts"
import type { FoundVariant } from "./variantFolder.ts"

/** What a loaded variant computes on. */
export interface Gpus {
  readonly devices: ReadonlyArray<string>
  /** Memory of all of them together. */
  readonly memoryBytes: number | null
}

/** Libraries that a system may lack, and what has them. */
const sources: ReadonlyArray<readonly [RegExp, string]> = [
  [/libvulkan\.so/, "install the Vulkan loader (Debian and Ubuntu: libvulkan1) and the driver of the GPU"],
  [/libcuda\.so/, "install NVIDIA's driver"],
  [
    /lib(cudart|cublas)\w*\.so\.?(\d*)/,
    "install CUDA's runtime and cuBLAS of that version, or name their folder in LD_LIBRARY_PATH",
  ],
]

/** The linker's words, with what is to be done where that is known. */
const linkerWords = (cause: unknown): string => {
  const words = reasonOf(cause).replace(/^Failed to open library "[^"]*": /, "")
  const fix = sources.find(([pattern]) => pattern.test(words))?.[1]
  return fix === undefined ? words : `${words}: ${fix}`
}

/** Why a library cannot be loaded; null when it can. llama.cpp passes over such libraries in silence. */
const problemOf = (library: string): string | null => {
  try {
    dlopen(library, { ggml_backend_init: { args: [], returns: "ptr" } })
    return null
  } catch (cause) {
    return linkerWords(cause)
  }
}

const textsOf = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : []

const noDevice: Readonly<Record<Exclude<VariantKind, "cpu">, string>> = {
  cuda: "CUDA found no device: nvidia-smi tells whether the driver has one, and CUDA_VISIBLE_DEVICES can hide it",
  vulkan:
    "Vulkan found no GPU: vulkaninfo --summary tells what the driver has; one in software counts only where GGML_VK_VISIBLE_DEVICES names its number",
}

/** The devices that a loaded addon computes on. Throws in words when it has none. */
export const gpusOf = (addon: Addon.LoadedAddon, { directory, kind }: FoundVariant): Gpus => {
  if (kind === "cpu") throw new Error("it is a build for the CPU, which llem has inside already")
  if (addon.getGpuType() !== kind)
    throw new Error(
      problemOf(join(directory, `libggml-${kind}.so`)) ??
        `its library for ${kindNames[kind]} loads, but does not start`,
    )
  const devices = textsOf(fieldOf(addon.getGpuDeviceInfo(), "deviceNames"))
  if (devices.length === 0) throw new Error(noDevice[kind])
  addon.ensureGpuDeviceIsSupported()
  const total = fieldOf(addon.getGpuVramInfo(), "total")
  return { devices, memoryBytes: typeof total === "number" && total > 0 ? total : null }
}

/** Loads a variant into this process, which must be the engine's own. Throws in words. */
export const load = (found: FoundVariant, log: (level: number, message: string) => void): Addon.LoadedAddon => {
  if (found.mismatch !== null) throw new Error(found.mismatch)
  try {
    return Addon.load(found.directory, log)
  } catch (cause) {
    throw new Error(linkerWords(cause))
  }
}
