/** How the embedded engine's process is started. */
export interface EngineArguments {
  readonly modelPath: string
  readonly servedModel: string
  readonly host: string
  readonly port: number
  readonly slots: number
  readonly contextPerSequence: number
  /** Prompt tokens in one step at most. */
  readonly prefillChunk: number
  /** Whether prompts find what earlier ones had in common with them. */
  readonly prefixCache: boolean
  /** null: calibrated at load. */
  readonly threads: number | null
  readonly mmap: boolean
  readonly libraryFolders: ReadonlyArray<string>
  /** Layers that are computed on GPUs. */
  readonly gpuLayers: number
  /** Folder of the build that computes on GPUs; null: the build for the CPU that llem has inside. */
  readonly variantFolder: string | null
  /** End when the process that started this one ends. */
  readonly followParent: boolean
}

/** The command line of an engine process; `host`, `port`, `libraries` (folders, joined by colons) and the variant's folder may be placeholders. */
export const toArgv = (
  args: Omit<EngineArguments, "host" | "port" | "libraryFolders"> & {
    readonly host: string
    readonly port: string
    readonly libraries: string
  },
): ReadonlyArray<string> => [
  "__engine",
  `--model=${args.modelPath}`,
  `--served-model=${args.servedModel}`,
  `--host=${args.host}`,
  `--port=${args.port}`,
  `--slots=${args.slots}`,
  `--context=${args.contextPerSequence}`,
  `--prefill-chunk=${args.prefillChunk}`,
  `--threads=${args.threads ?? "auto"}`,
  ...(args.mmap ? [] : ["--no-mmap"]),
  ...(args.prefixCache ? ["--prefix-cache"] : []),
  `--libraries=${args.libraries}`,
  ...(args.gpuLayers > 0 ? [`--gpu-layers=${args.gpuLayers}`] : []),
  ...(args.variantFolder === null ? [] : [`--variant=${args.variantFolder}`]),
  ...(args.followParent ? ["--follow-parent"] : []),
]

/** Reads the command line back; a text names what is missing or wrong. */
export const fromArgv = (argv: ReadonlyArray<string>): EngineArguments | string => {
  const values = new Map<string, string>()
  for (const argument of argv) {
    const [, name = "", value = ""] = /^--([a-z-]+)(?:=(.*))?$/s.exec(argument) ?? []
    values.set(name, value)
  }
  const integer = (name: string): number => Number(values.get(name) || Number.NaN)
  const threads = values.get("threads") ?? "auto"
  const args: EngineArguments = {
    modelPath: values.get("model") ?? "",
    servedModel: values.get("served-model") ?? "",
    host: values.get("host") ?? "127.0.0.1",
    port: integer("port"),
    slots: integer("slots"),
    contextPerSequence: integer("context"),
    prefillChunk: integer("prefill-chunk"),
    prefixCache: values.has("prefix-cache"),
    threads: threads === "auto" ? null : Number.parseInt(threads, 10),
    mmap: !values.has("no-mmap"),
    libraryFolders: (values.get("libraries") ?? "").split(":").filter((folder) => folder !== ""),
    gpuLayers: Number.parseInt(values.get("gpu-layers") ?? "0", 10),
    variantFolder: values.get("variant") ?? null,
    followParent: values.has("follow-parent"),
  }
  if (args.modelPath === "" || args.servedModel === "") return "--model and --served-model are needed"
  if (args.gpuLayers > 0 && args.variantFolder === null) return "--gpu-layers needs the folder of a --variant"
  const numbers = [
    ...[args.port, args.slots, args.contextPerSequence, args.prefillChunk, args.threads ?? 1],
    args.gpuLayers,
  ]
  const least = [args.slots, args.contextPerSequence, args.prefillChunk, args.threads ?? 1]
  return numbers.every((value) => Number.isInteger(value) && value >= 0) && least.every((value) => value >= 1)
    ? args
    : "a number is missing or malformed"
}
