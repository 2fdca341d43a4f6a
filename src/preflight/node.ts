import { Effect, Layer } from "effect"
import type { Backend } from "../domain/Backend.ts"
import * as Variants from "../domain/EmbeddedVariant.ts"
import type { EngineFacts, GpuFacts, NodeFacts } from "../domain/NodeFacts.ts"
import * as Engines from "../engines/Engines.ts"
import { engineVersion } from "../platform/engineLibraries.ts"
import * as Environment from "../platform/environment.ts"
import * as Nvml from "../platform/nvml.ts"
import * as Probes from "../platform/probes.ts"
import { selfCommand } from "../platform/process.ts"
import * as Sysfs from "../platform/sysfs.ts"
import { exists } from "../platform/textFiles.ts"
import { probe } from "../platform/variantProbe.ts"
import * as Container from "./Container.ts"
import * as Docker from "./docker.ts"
import * as Gpus from "./Gpus.ts"
import { NodeProbe } from "./NodeProbe.ts"

/** Where the probe looks: another root or environment stands in for the machine's own in tests. */
export interface Node {
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Put before every path below /proc and /run. */
  readonly root: string
  /** Backends that this build can drive. */
  readonly adapters: ReadonlyArray<Backend>
  /** The command that starts this program, for what is probed in a process of its own; absent: as this process was started. */
  readonly command?: ReadonlyArray<string>
}

const smiMillis = 5000
/** A driver that wakes up several GPUs may take many seconds. */
const variantMillis = 30_000
/** Where a daemon that a service manager started finds commands. */
const daemonPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const there: EngineFacts = { available: true, reason: null }
const missing = (reason: string): EngineFacts => ({ available: false, reason })

/** The command that starts the server of each backend that is looked up on PATH. */
const commands: Readonly<Partial<Record<Backend, string>>> = {
  vllm: "vllm",
  llamacpp: "llama-server",
  tensorrt: "trtllm-serve",
  sglang: "sglang",
}

/** What llem is built for, with the engine that belongs there. */
const targets = ["linux-x64", "linux-arm64"]

const embedded = (): EngineFacts =>
  targets.includes(Probes.target)
    ? { ...there, version: engineVersion }
    : missing(`llem has an engine inside for ${targets.join(" and ")}, not for ${Probes.target}`)

const engine = async (node: Node, backend: Backend): Promise<EngineFacts> => {
  if (!node.adapters.includes(backend)) return missing("this build of llem has no adapter for it")
  if (backend === "embedded") return embedded()
  if (backend === "endpoint") return there
  const command = commands[backend]
  if (command === undefined) return missing("its Python package is not looked for")
  const found = await Probes.findCommand(command, node.variables["PATH"] ?? "")
  return found === null ? missing(`there is no ${command} on PATH`) : there
}

/** GPUs that the driver's files or nvidia-smi tell of, where NVML cannot be asked. */
const gpusWithoutNvml = async (node: Node): Promise<ReadonlyArray<GpuFacts>> => {
  const folder = `${node.root}/proc/driver/nvidia/gpus`
  const addresses = Sysfs.list(folder) ?? []
  const told = addresses.flatMap((address) => {
    const file = Sysfs.readText(`${folder}/${address}/information`)
    return (file.ok ? Gpus.fromDriver(file.text) : null) ?? []
  })
  if (told.length > 0 && told.length === addresses.length) return told
  const command = await Probes.findCommand("nvidia-smi", node.variables["PATH"] ?? "")
  if (command === null) return told
  const csv = await Probes.outputOf([command, "--query-gpu=uuid,name", "--format=csv,noheader"], smiMillis)
  return csv === null ? told : Gpus.fromSmi(csv)
}

const gpus = async (node: Node): Promise<Pick<NodeFacts, "gpus" | "nvmlReason">> => {
  const reading = Nvml.readGpus(node.variables["LLEM_NVML_LIBRARY"] || null)
  return reading.ok
    ? { gpus: Gpus.fromNvml(reading), nvmlReason: null }
    : { gpus: await gpusWithoutNvml(node), nvmlReason: reading.reason }
}

const variants = (node: Node): Promise<NonNullable<NodeFacts["embeddedVariants"]>> => {
  const how = { command: node.command ?? selfCommand(), limitMillis: variantMillis }
  return Promise.all(Variants.foldersOf(node.variables[Variants.variable]).map((folder) => probe(folder, how)))
}

const insideContainer = async (node: Node): Promise<boolean> => {
  const mountInfo = Sysfs.readText(`${node.root}/proc/self/mountinfo`)
  return Container.isInside({
    marker: node.variables["LLEM_CONTAINER"] ?? null,
    mountInfo: mountInfo.ok ? mountInfo.text : null,
    containerEnvironmentFile: await exists(`${node.root}/run/.containerenv`),
    containerVariable: node.variables["container"] ?? null,
  })
}

/**
 * Looks at a node once: everything at the same time, each with its own limit, then the GPUs, since a driver that wakes
 * up holds this thread.
 */
export const gather = Effect.fn("preflight.gather")(function* (node: Node): Effect.fn.Return<NodeFacts> {
  const engineOf = (backend: Backend) => Effect.promise(() => engine(node, backend))
  const { asked, inside, hook, embeddedVariants, ...engines } = yield* Effect.all(
    {
      asked: Docker.ask(node.variables),
      inside: Effect.promise(() => insideContainer(node)),
      hook: Effect.promise(() => Probes.findCommand("nvidia-container-runtime-hook", daemonPath)),
      embeddedVariants: Effect.promise(() => variants(node)),
      pytorch: engineOf("pytorch"),
      vllm: engineOf("vllm"),
      tensorrt: engineOf("tensorrt"),
      sglang: engineOf("sglang"),
      llamacpp: engineOf("llamacpp"),
      embedded: engineOf("embedded"),
      endpoint: engineOf("endpoint"),
    },
    { concurrency: "unbounded" },
  )
  const found = yield* Effect.promise(() => gpus(node))
  const host = { kernelVersion: Probes.kernelVersion(), hasGpus: found.gpus.length > 0, hasGpuHook: hook !== null }
  return { docker: Docker.judge(asked, host), insideContainer: inside, engines, embeddedVariants, ...found }
})

/** This machine. */
export const layer = () =>
  Layer.sync(NodeProbe, () => {
    const { variables } = Environment.read()
    const node: Node = { variables, root: "", adapters: Engines.available }
    // Loading GPU libraries takes seconds on some nodes, so it is done for studies that may use them only.
    const { [Variants.variable]: _, ...others } = variables
    return NodeProbe.of({
      gather: (backends) => gather(backends.includes("embedded") ? node : { ...node, variables: others }),
    })
  })
