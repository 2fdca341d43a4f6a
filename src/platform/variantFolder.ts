import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, isAbsolute, join } from "node:path"
import { Option, Schema } from "effect"
import type { VariantKind } from "../domain/EmbeddedVariant.ts"
import { packed } from "./engineAssets.ts"
import { refuseForeignCode } from "./ownFolder.ts"

/** A build of the embedded engine that was found in a folder, not loaded yet. */
export interface FoundVariant {
  /** The folder with the addon itself. */
  readonly directory: string
  readonly kind: VariantKind
  readonly version: string
  /** Why it does not belong to this llem; null when it does. */
  readonly mismatch: string | null
}

const BuildMetadata = Schema.fromJsonString(
  Schema.Struct({
    buildOptions: Schema.Struct({
      gpu: Schema.Union([Schema.Literals(["cuda", "vulkan"]), Schema.Literal(false)]),
      llamaCpp: Schema.Struct({ release: Schema.String }),
    }),
  }),
)
const PackageManifest = Schema.fromJsonString(Schema.Struct({ name: Schema.String, version: Schema.String }))

const { addon, packageVersion, llamaCpp, variant } = packed.manifest

/** Where a folder's contents come from: npm has builds for GPUs for one kind of processor only. */
const source =
  variant === "linux-x64"
    ? ["vulkan", "cuda"].map((kind) => `@node-llama-cpp/linux-x64-${kind}@${packageVersion}`).join(" or ")
    : null

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const below = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(join(folder, "bins"))
      .map((name) => join(folder, "bins", name))
      .filter((one) => isFile(join(one, addon)))
  } catch {
    return []
  }
}

const addonFolder = (folder: string): string => {
  if (!isAbsolute(folder)) throw new Error("it is not an absolute path")
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw new Error("there is no such folder")
  if (isFile(join(folder, addon))) return folder
  const [first, ...more] = below(folder)
  if (first === undefined)
    throw new Error(
      `it holds no ${addon}, neither itself nor below bins/*/: ${source === null ? `npm has builds for GPUs for linux-x64 only, and this is ${variant}` : `put the contents of npm's ${source} there`}`,
    )
  if (more.length > 0) throw new Error(`it holds several engines: name one of ${[first, ...more].join(", ")} instead`)
  return first
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** Version of the package that a folder belongs to, where it still lies in one. */
const packageVersionOf = (directory: string): string | null => {
  const folder = basename(dirname(directory)) === "bins" ? dirname(dirname(directory)) : directory
  const manifest = Schema.decodeOption(PackageManifest)(textOf(join(folder, "package.json")))
  return Option.isSome(manifest) && manifest.value.name.startsWith("@node-llama-cpp/") ? manifest.value.version : null
}

/**
 * Finds the addon of a variant in a folder, or below its `bins/`, without loading anything. Throws in words when there is
 * none, when it does not say what it is, and when other users could have put it there.
 */
export const locate = (folder: string): FoundVariant => {
  const directory = realpathSync(addonFolder(folder))
  refuseForeignCode(directory)
  const metadata = Schema.decodeOption(BuildMetadata)(textOf(join(directory, "_nlcBuildMetadata.json")))
  if (Option.isNone(metadata))
    throw new Error("its _nlcBuildMetadata.json, which says what was built, is missing or damaged")
  const { gpu, llamaCpp: built } = metadata.value.buildOptions
  const version = packageVersionOf(directory)
  const told = `llama.cpp ${built.release}${version === null ? "" : ` (node-llama-cpp ${version})`}`
  const fits = built.release === llamaCpp && (version === null || version === packageVersion)
  return {
    directory,
    kind: gpu === false ? "cpu" : gpu,
    version: told,
    mismatch: fits
      ? null
      : `it is ${told}, and this llem takes llama.cpp ${llamaCpp} (node-llama-cpp ${packageVersion}) only`,
  }
}
