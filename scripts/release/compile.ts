import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { runtimeOf, type Variant } from "./targets.ts"

const root = resolve(import.meta.dir, "../..")

/** What a program is bundled from: its two threads' first files. */
export const entrypoints = [join(root, "src/main.ts"), join(root, "src/sampler.ts")]

/** Native parts of dockerode's ssh transport, which llem does not use and which are not built everywhere. */
export const external = ["cpu-features"]

/** Packages that ask for their own folder get one that says nothing of the build machine; nothing of them lies there. */
const define = { __dirname: "/llem/packages", __filename: "/llem/packages/file.js" }

/**
 * Compiles llem for a variant, with that variant's packed engine inside. The same sources and packages give the same bytes
 * for the same file name. Throws with the bundler's words.
 */
export const compile = async (variant: Variant, outfile: string): Promise<void> => {
  const runtime = runtimeOf(variant)
  const args = [
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    "--splitting",
    `--target=bun-${variant}`,
    `--conditions=${variant}`,
    ...(runtime === null ? [] : [`--compile-executable-path=${runtime}`]),
    ...external.map((name) => `--external=${name}`),
    ...Object.entries(define).map(([name, value]) => `--define=${name}=${JSON.stringify(value)}`),
    ...entrypoints,
    "--outfile",
    outfile,
  ]
  const build = Bun.spawnSync([process.execPath, ...args], { cwd: root, stdout: "pipe", stderr: "pipe" })
  if (build.exitCode !== 0 || !existsSync(outfile))
    throw new Error(`${variant}: ${build.stdout.toString()}${build.stderr.toString()}`)
}
