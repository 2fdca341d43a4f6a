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

/** Whether the slow tests are left out (`scripts/test --quick`). */
export const quick = process.env["LLEM_TEST_QUICK"] === "1"

/** The checkout. */
export const projectRoot = root
