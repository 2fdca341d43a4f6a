import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dir, "../..")
const cache = process.env["LLEM_DEV_CACHE"] ?? join(root, ".cache")

/** Operating system and processor of a binary. */
export type Variant = "linux-x64" | "linux-arm64"
export const variants: ReadonlyArray<Variant> = ["linux-x64", "linux-arm64"]

/** The build machine's own. */
export const hostVariant: Variant = process.arch === "arm64" ? "linux-arm64" : "linux-x64"

const cpu = { "linux-x64": "x64", "linux-arm64": "arm64" } as const

/** npm's package with Bun for a variant. */
export const bunPackage = { "linux-x64": "@oven/bun-linux-x64", "linux-arm64": "@oven/bun-linux-aarch64" } as const

/**
 * Fetches what a variant needs from the registry that bun is set up for, once, into the cache. The lockfile in
 * `targets/` pins versions and sha512; bun refuses a package that is not what they say. Throws with bun's own words.
 */
const fetched = (variant: Variant): string => {
  const folder = join(cache, "targets", variant)
  const pins = join(import.meta.dir, "targets")
  mkdirSync(folder, { recursive: true })
  for (const name of ["package.json", "bun.lock"]) cpSync(join(pins, name), join(folder, name))
  const args = ["install", "--frozen-lockfile", "--ignore-scripts", "--os=linux", `--cpu=${cpu[variant]}`]
  const install = Bun.spawnSync([process.execPath, ...args], { cwd: folder, stdout: "pipe", stderr: "pipe" })
  const modules = join(folder, "node_modules")
  if (install.exitCode === 0 && existsSync(join(modules, bunPackage[variant], "bin/bun"))) return modules
  rmSync(modules, { recursive: true, force: true })
  throw new Error(`what ${variant} needs could not be fetched:\n${install.stderr.toString()}`)
}

/** The package with a variant's llama.cpp libraries: the installed one on a machine of that kind, else fetched. */
export const engineFolder = (variant: Variant): string => {
  const name = join("@node-llama-cpp", variant)
  const installed = join(root, "node_modules", name)
  return variant === hostVariant && existsSync(installed) ? installed : join(fetched(variant), name)
}

/** The Bun that a variant's binary is made of; null when it is the one that runs now. */
export const runtimeOf = (variant: Variant): string | null =>
  variant === hostVariant ? null : join(fetched(variant), bunPackage[variant], "bin/bun")
