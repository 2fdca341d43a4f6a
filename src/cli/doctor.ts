import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import * as Backend from "../domain/Backend.ts"
import { type EmbeddedVariant, kindNames } from "../domain/EmbeddedVariant.ts"
import type { DomainInfo } from "../domain/Energy.ts"
import type { NodeFacts } from "../domain/NodeFacts.ts"
import { version } from "../domain/Version.ts"
import * as Engines from "../engines/Engines.ts"
import { Meter } from "../meters/Meter.ts"
import { NodeProbe } from "../preflight/NodeProbe.ts"
import * as Resolve from "../runner/Resolve.ts"
import * as Texts from "../runner/Texts.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import * as Output from "./Output.ts"
import { RunExit } from "./RunExit.ts"
import type { Settings } from "./Settings.ts"

/** Backends that could run here: this build drives them, and their engine is there or Docker can bring it. */
const usable = (facts: NodeFacts): ReadonlyArray<Backend.Backend> =>
  Engines.available.filter(
    (backend) =>
      facts.engines[backend].available ||
      (backend !== "endpoint" && facts.docker.usable && !facts.insideContainer && Resolve.dockerUsable(facts, backend)),
  )

interface Left {
  readonly containers: number
  readonly networks: number
  readonly removed: boolean
  /** What the daemon said of those that would not go. */
  readonly failures: ReadonlyArray<string>
}

/** What a daemon that answers is asked further: whether it is this node's, and what dead runs left; null where it cannot be asked. */
const asked = (settings: Settings, facts: NodeFacts, fix: boolean) =>
  Effect.gen(function* () {
    const ready = yield* Effect.promise(() => import("./dockerReady.ts"))
    const elsewhere =
      facts.docker.overNetwork === true
        ? yield* (yield* Effect.promise(() => import("../preflight/DaemonPlace.ts"))).elsewhere()
        : null
    // What runs on another machine's daemon is not to be judged from here.
    if (elsewhere !== null) return { elsewhere, left: null }
    const left = fix
      ? Effect.map(ready.sweep(), (swept): Left => ({ ...swept, removed: true }))
      : Effect.map(ready.left(), (counted): Left => ({ ...counted, removed: false, failures: [] }))
    const found = yield* Effect.catch(left, ({ message }) =>
      Effect.succeed<Left>({ containers: 0, networks: 0, removed: fix, failures: [message] }),
    )
    return { elsewhere, left: found }
  }).pipe(Effect.provide(Layers.dockerNode(settings, true)))

/** A daemon of another machine is none. */
const seen = (facts: NodeFacts, elsewhere: string | null): NodeFacts =>
  elsewhere === null
    ? facts
    : { ...facts, docker: { ...facts.docker, usable: false, code: "docker_remote", reason: elsewhere } }

const leftLines = (left: Left | null): ReadonlyArray<string> => {
  if (left === null) return []
  const what = `${left.containers} containers and ${left.networks} networks of runs that were killed`
  const counted = left.removed ? `  removed: ${what}` : `  left behind: ${what}; llem doctor --fix removes them`
  return [
    ...(left.containers + left.networks === 0 ? [] : [counted]),
    ...left.failures.map((failure) => `  --  ${failure}`),
  ]
}

const metered = Effect.scoped(
  Effect.gen(function* () {
    const meter = yield* Meter
    const session = yield* meter.open({ sampleHz: 10, gpuUuids: [], backend: "auto" })
    return session.domains
  }),
).pipe(
  Effect.provide(
    Layer.unwrap(
      Effect.map(
        Effect.promise(() => import("../meters/node.ts")),
        (node) => node.layer(),
      ),
    ),
  ),
)

const engineLine = (facts: NodeFacts, runnable: ReadonlyArray<Backend.Backend>, backend: Backend.Backend): string => {
  const { available, reason, version: found } = facts.engines[backend]
  return available
    ? `  ok  ${backend}${found === undefined ? "" : `: ${found}`}`
    : `  --  ${backend}: ${reason ?? "not usable"}${runnable.includes(backend) ? "; Docker can run it" : ""}`
}

const variantLine = ({ folder, kind, usable, reason, devices, memoryBytes }: EmbeddedVariant): string => {
  const name = kind === null ? "embedded" : `embedded on ${kindNames[kind]}`
  if (!usable) return `  --  ${name}: ${folder}: ${reason ?? "not usable"}`
  const memory = memoryBytes === null ? "" : `, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB`
  return `  ok  ${name}: ${devices.join(", ")}${memory} (${folder})`
}

const meterLine = (domain: DomainInfo): string =>
  domain.quality === "unavailable"
    ? `  --  ${domain.domain}: ${domain.why ?? "not readable"}`
    : `  ${domain.quality === "measured" ? "ok" : "~ "}  ${domain.domain} (${domain.meter}, ${domain.quality})${domain.why === null ? "" : `: ${domain.why}`}`

const dockerLines = ({ docker, gpus, insideContainer }: NodeFacts): ReadonlyArray<string> => {
  if (insideContainer) return ["  this is a container: nothing is dispatched to Docker from here"]
  if (!docker.usable) return [`  --  ${docker.reason ?? "not usable"}`, `      ${Texts.dockerFix(docker)}`]
  const kind = docker.rootless === true ? ", rootless: engines are reached through a published port" : ""
  return [
    `  ok  ${docker.version ?? "answers"}${kind}`,
    ...(docker.gpuReason === null || docker.gpuReason === undefined
      ? []
      : [`  --  ${docker.gpuReason}`, `      ${Texts.dockerFix({ ...docker, code: "docker_gpu" })}`]),
    ...(gpus.length > 0 && docker.gpuReason === null ? ["  ok  GPUs can be handed to containers"] : []),
  ]
}

const render = (
  facts: NodeFacts,
  runnable: ReadonlyArray<Backend.Backend>,
  domains: ReadonlyArray<DomainInfo>,
  left: Left | null,
): string =>
  [
    `llem ${version}`,
    "",
    "Engines",
    ...Backend.all.flatMap((backend) => [
      engineLine(facts, runnable, backend),
      ...(backend === "embedded" ? (facts.embeddedVariants ?? []).map(variantLine) : []),
    ]),
    "",
    "Meters",
    ...domains.map(meterLine),
    "",
    "Devices",
    ...(facts.gpus.length === 0 ? ["  no GPU found"] : facts.gpus.map((gpu) => `  ${gpu.uuid}  ${gpu.name}`)),
    "",
    "Docker",
    ...dockerLines(facts),
    ...leftLines(left),
  ].join("\n")

export const command = Command.make(
  "doctor",
  { json: flags.json, fix: flags.fix },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const script = yield* Layers.mockScript(settings)
    const gathered = yield* NodeProbe.use((probe) => probe.gather(Backend.all)).pipe(
      Effect.provide(Layers.nodeProbe(script)),
    )
    const domains = yield* metered
    const daemon = script === null && gathered.docker.usable ? yield* asked(settings, gathered, input.fix) : null
    const facts = seen(gathered, daemon?.elsewhere ?? null)
    const left = daemon?.left ?? null
    const runnable = usable(facts)
    yield* input.json
      ? Output.printJson({
          llem_version: version,
          ready: runnable.length > 0,
          usable_backends: runnable,
          engines: facts.engines,
          embedded_variants: (facts.embeddedVariants ?? []).map(({ memoryBytes, ...variant }) => ({
            ...variant,
            memory_bytes: memoryBytes,
          })),
          meters: domains.map(({ domain, meter, quality, why }) => ({ domain, meter, quality, why })),
          gpus: facts.gpus,
          docker: facts.docker,
          inside_container: facts.insideContainer,
          left_behind: left,
        })
      : Output.print(render(facts, runnable, domains, left))
    if (runnable.length === 0) {
      yield* Output.say("Nothing can run here.")
      yield* RunExit.set(1)
    }
    if (left !== null && left.failures.length > 0) yield* RunExit.set(1)
  }),
).pipe(Command.withDescription("What this node can measure and run, and how to fix what it cannot"))
