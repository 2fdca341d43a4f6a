import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { engineFolder, hostVariant } from "./targets.ts"

const root = resolve(import.meta.dir, "../..")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const engine = join(root, "assets", `engine-${hostVariant}.json`)

/** What is in the binary though it is no package of the bundle. */
export interface Native {
  readonly name: string
  /** Null where the carrier does not say which. */
  readonly version: string | null
  readonly license: string
  readonly text: string
  readonly purl: string
  /** What it is part of. */
  readonly within: "llem" | "bun" | "engine"
}

const text = (...names: ReadonlyArray<string>): string =>
  names.map((name) => readFileSync(join(import.meta.dir, "texts", `${name}.txt`), "utf8").trim()).join("\n\n")

/** Version of llama.cpp, as the packed engine has it. */
export const llamaCpp = (): string => JSON.parse(readFileSync(engine, "utf8")).llamaCpp

/** Bun and the engine with what they link statically; the versions are those that are pinned here. */
export const natives = (): ReadonlyArray<Native> => {
  const bun: string = manifest.devDependencies.bun
  const addon: string = manifest.devDependencies["@node-llama-cpp/linux-x64"]
  const addonLicense = readFileSync(join(engineFolder(hostVariant), "LICENSE"), "utf8").trim()
  const github = (repository: string, version: string | null) =>
    `pkg:github/${repository}${version === null ? "" : `@${version}`}`
  return [
    {
      name: "bun",
      version: bun,
      license: "MIT",
      text: text("bun"),
      purl: github("oven-sh/bun", `bun-v${bun}`),
      within: "bun",
    },
    {
      name: "JavaScriptCore",
      version: null,
      license: "LGPL-2.0-or-later",
      text: text("javascriptcore", "LGPL-2.0"),
      purl: github("oven-sh/webkit", null),
      within: "bun",
    },
    {
      name: "tinycc",
      version: null,
      license: "LGPL-2.1-or-later",
      text: text("LGPL-2.1"),
      purl: github("oven-sh/tinycc", null),
      within: "bun",
    },
    {
      name: "llama.cpp and ggml",
      version: llamaCpp(),
      license: "MIT",
      text: text("llama.cpp"),
      purl: github("ggml-org/llama.cpp", llamaCpp()),
      within: "engine",
    },
    {
      name: "node-llama-cpp",
      version: addon,
      license: "MIT",
      text: addonLicense,
      purl: github("withcatai/node-llama-cpp", `v${addon}`),
      within: "engine",
    },
    {
      name: "node-addon-api",
      version: null,
      license: "MIT",
      text: text("node-addon-api"),
      purl: github("nodejs/node-addon-api", null),
      within: "engine",
    },
    {
      name: "nlohmann/json",
      version: "3.12.0",
      license: "MIT",
      text: text("nlohmann-json"),
      purl: github("nlohmann/json", "v3.12.0"),
      within: "engine",
    },
    {
      name: "cpp-httplib",
      version: null,
      license: "MIT",
      text: text("cpp-httplib"),
      purl: github("yhirose/cpp-httplib", null),
      within: "engine",
    },
    {
      name: "subprocess.h",
      version: null,
      license: "Unlicense",
      text: text("subprocess.h"),
      purl: github("sheredom/subprocess.h", null),
      within: "engine",
    },
  ]
}
