/** A resolved experiment in the file's own field names, seen as plain data. */
export type Config = Readonly<Record<string, unknown>>

const isGroup = (value: unknown): value is Config =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const visit = (value: unknown, path: string, into: Map<string, unknown>): void => {
  if (!isGroup(value)) {
    into.set(path, value)
    return
  }
  for (const [key, child] of Object.entries(value)) visit(child, path === "" ? key : `${path}.${key}`, into)
}

/** Every leaf of a config by its dotted path; a model given as a map is one leaf. */
export const leaves = (config: Config): ReadonlyMap<string, unknown> => {
  const found = new Map<string, unknown>()
  for (const [key, value] of Object.entries(config))
    if (key === "model") found.set(key, value)
    else visit(value, key, found)
  return found
}

/** A value as a person writes it on one line. */
export const valueText = (value: unknown): string =>
  value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value)

/** The dotted paths whose value is not the same in all configs, in the order in which they are met; absence is a value. */
export const variedPaths = (configs: ReadonlyArray<Config>): ReadonlyArray<string> => {
  const all = configs.map(leaves)
  const seen = new Map<string, { readonly text: string; count: number; varied: boolean }>()
  for (const config of all) {
    for (const [path, value] of config) {
      const text = valueText(value)
      const known = seen.get(path)
      if (known === undefined) seen.set(path, { text, count: 1, varied: false })
      else {
        known.count += 1
        known.varied ||= known.text !== text
      }
    }
  }
  return [...seen].filter(([, state]) => state.varied || state.count < all.length).map(([path]) => path)
}

const baseName = (path: string): string => path.replace(/\/+$/, "").split("/").at(-1) ?? path

/** The short name of a model: the last part of a path or repository id, without `.gguf`. */
export const modelName = (model: unknown): string => {
  if (typeof model === "string") return baseName(model).replace(/\.gguf$/i, "")
  if (!isGroup(model)) return "model"
  return modelName(model["gguf"] ?? model["hf"] ?? "model")
}

/** One line that tells a config from the others of its study: model, backend, and every other varied setting. */
export const summarise = (config: Config, varied: ReadonlyArray<string>): string => {
  const values = leaves(config)
  const backend = valueText(config["backend"])
  const short = (path: string): string => (path.startsWith(`${backend}.`) ? path.slice(backend.length + 1) : path)
  const rest = varied
    .filter((path) => path !== "model" && path !== "backend" && values.has(path))
    .map((path) => `${short(path)}=${valueText(values.get(path))}`)
  return [modelName(config["model"]), backend, ...rest].join(" ")
}
