import { existsSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dir, "../..")
const cache = process.env["LLEM_DEV_CACHE"] ?? join(root, ".cache")

const required = (what: string, path: string): string => {
  if (!existsSync(path)) throw new Error(`${what} is missing at ${path}: run scripts/test once, it installs it`)
  return path
}

/** The compiled binary under test. */
export const binary = (): string => required("dist/llem", join(root, "dist/llem"))

/** A real small GGUF: SmolLM2-135M-Instruct, Q4_1. */
export const realModel = (): string =>
  required("the test model", process.env["LLEM_TEST_MODEL"] ?? join(cache, "models/SmolLM2-135M-Instruct.Q4_1.gguf"))

/** A Python with pyarrow. */
export const python = (): string =>
  required("Python with pyarrow", process.env["LLEM_TEST_PYTHON"] ?? join(cache, "venv/bin/python"))

/** A folder for PATH with a `llama-server`: llama.cpp's own HTTP server. */
export const llamaServer = (): string => {
  const folder = process.env["LLEM_TEST_LLAMA_SERVER"] ?? join(cache, "llama-server")
  required("llama-server", join(folder, "llama-server"))
  return folder
}

/** A file of a release, as `bun run build --all` makes it. */
export const released = (name: string): string => required(`dist/${name}`, join(root, "dist", name))

/** The command line that runs a program for arm64 on this machine. */
export const emulated = (program: string): ReadonlyArray<string> => {
  const sysroot = process.env["LLEM_TEST_ARM64"] ?? join(cache, "arm64/usr/aarch64-linux-gnu")
  required("the C library for arm64", join(sysroot, "lib/libc.so.6"))
  return ["qemu-aarch64-static", "-L", sysroot, program]
}

/** The build of the embedded engine for Vulkan, as npm unpacks it. */
export const vulkanVariant = (): string => {
  const folder =
    process.env["LLEM_TEST_VULKAN"] ?? join(cache, "variants/node_modules/@node-llama-cpp/linux-x64-vulkan")
  return required("the embedded engine for Vulkan", folder)
}

/** Variables with which Vulkan has the driver in software, and llama.cpp takes it. */
export const softwareVulkan = (): Readonly<Record<string, string>> => ({
  VK_ICD_FILENAMES: required("Vulkan's driver in software", "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"),
  GGML_VK_VISIBLE_DEVICES: "0",
})

/** Whether the slow tests are left out (`scripts/test --quick`). */
export const quick = process.env["LLEM_TEST_QUICK"] === "1"

/** The checkout. */
export const projectRoot = root
