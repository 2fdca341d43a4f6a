import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import * as Backend from "../domain/Backend.ts"
import type { DomainInfo } from "../domain/Energy.ts"
import type { NodeFacts } from "../domain/NodeFacts.ts"
import { version } from "../domain/Version.ts"
import * as Engines from "../engines/Engines.ts"
import { Meter } from "../meters/Meter.ts"
import { NodeProbe } from "../preflight/NodeProbe.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import * as Output from "./Output.ts"
import { RunExit } from "./RunExit.ts"

/** Backends that could run here: this build drives them and their engine is there. */
const usable = (facts: NodeFacts): ReadonlyArray<Backend.Backend> =>
  Engines.available.filter((backend) => facts.engines[backend].available)

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

const engineLine = (facts: NodeFacts, backend: Backend.Backend): string => {
  const { available, reason, version: found } = facts.engines[backend]
  return available
    ? `  ok  ${backend}${found === undefined ? "" : `: ${found}`}`
    : `  --  ${backend}: ${reason ?? "not usable"}`
}

const meterLine = (domain: DomainInfo): string =>
  domain.quality === "unavailable"
    ? `  --  ${domain.domain}: ${domain.why ?? "not readable"}`
    : `  ${domain.quality === "measured" ? "ok" : "~ "}  ${domain.domain} (${domain.meter}, ${domain.quality})${domain.why === null ? "" : `: ${domain.why}`}`

const render = (facts: NodeFacts, domains: ReadonlyArray<DomainInfo>): string =>
  [
    `llem ${version}`,
    "",
    "Engines",
    ...Backend.all.map((backend) => engineLine(facts, backend)),
    "",
    "Meters",
    ...domains.map(meterLine),
    "",
    "Devices",
    ...(facts.gpus.length === 0 ? ["  no GPU found"] : facts.gpus.map((gpu) => `  ${gpu.uuid}  ${gpu.name}`)),
    "",
    "Docker",
    facts.docker.usable ? `  ok  ${facts.docker.version ?? "answers"}` : `  --  ${facts.docker.reason ?? "not usable"}`,
    ...(facts.insideContainer ? ["  this is a container: nothing is dispatched to Docker from here"] : []),
  ].join("\n")

export const command = Command.make(
  "doctor",
  { json: flags.json },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const script = yield* Layers.mockScript(settings)
    const facts = yield* NodeProbe.use((probe) => probe.gather(Backend.all)).pipe(
      Effect.provide(Layers.nodeProbe(settings, script)),
    )
    const domains = yield* metered
    const runnable = usable(facts)
    yield* input.json
      ? Output.printJson({
          llem_version: version,
          ready: runnable.length > 0,
          usable_backends: runnable,
          engines: facts.engines,
          meters: domains.map(({ domain, meter, quality, why }) => ({ domain, meter, quality, why })),
          gpus: facts.gpus,
          docker: facts.docker,
          inside_container: facts.insideContainer,
        })
      : Output.print(render(facts, domains))
    if (runnable.length === 0) {
      yield* Output.say("Nothing can run here.")
      yield* RunExit.set(1)
    }
  }),
).pipe(Command.withDescription("What this node can measure and run, and how to fix what it cannot"))
