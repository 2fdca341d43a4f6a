import { Effect } from "effect"
import * as Combinations from "../config/Combinations.ts"
import type { ConfigError } from "../config/ConfigError.ts"
import * as Order from "../config/Order.ts"
import * as Override from "../config/Override.ts"
import type { UserConfig } from "../config/UserConfig.ts"
import * as Backend from "../domain/Backend.ts"
import * as Variants from "../domain/EmbeddedVariant.ts"
import type { NodeFacts } from "../domain/NodeFacts.ts"
import type { Notice } from "../domain/Notice.ts"
import type { Plan } from "../domain/Plan.ts"
import type { StudySpec } from "../domain/Study.ts"
import * as Engines from "../engines/Engines.ts"
import * as Files from "../platform/configFiles.ts"
import * as Probes from "../platform/probes.ts"
import * as Judge from "../preflight/Judge.ts"
import { NodeProbe } from "../preflight/NodeProbe.ts"
import * as Processors from "../preflight/Processors.ts"
import * as Placements from "../runner/Placements.ts"
import * as Plans from "../runner/Plan.ts"
import * as Resolve from "../runner/Resolve.ts"
import * as contents from "./contents.ts"
import { type Given, overrides } from "./flags.ts"
import { loadStudy, loadUserConfig } from "./loadStudy.ts"
import * as NodeFindings from "./nodeFindings.ts"
import { resultsDirectory } from "./resultsDirectory.ts"
import type { Settings } from "./Settings.ts"
import { UsageError } from "./UsageError.ts"

/** What a command line asks to be planned. */
export interface Request {
  readonly file: string | null
  readonly given: Given
  readonly set: ReadonlyArray<string>
  readonly runner: string | null
  /** Nothing may be fetched over a network. */
  readonly offline: boolean
  /** Folder for results that the command line names. */
  readonly output: string | null
}

/** A study that was decoded, expanded, resolved and planned; nothing of it has started. */
export interface Prepared {
  readonly spec: StudySpec
  readonly plan: Plan
  readonly userConfig: UserConfig
  readonly facts: NodeFacts
}

const there = { available: true, reason: null }

/** Everything is taken to be as it should: `--skip-preflight` looks at nothing. */
const unprobed = ({ variables }: Settings): NodeFacts => ({
  docker: { usable: true, reason: null },
  insideContainer: false,
  engines: {
    pytorch: there,
    vllm: there,
    tensorrt: there,
    sglang: there,
    llamacpp: there,
    embedded: there,
    endpoint: there,
  },
  gpus: [],
  embeddedVariants: Variants.foldersOf(variables[Variants.variable]).map((folder) => ({
    folder,
    kind: null,
    version: null,
    usable: true,
    reason: null,
    devices: [],
    memoryBytes: null,
  })),
})

/** Settings of the user config that no command applies yet: said, so that nobody relies on them. */
const unapplied = (userConfig: UserConfig): ReadonlyArray<Notice> => {
  const names = [
    ...(userConfig.energyBackend === null ? [] : ["measurement.energy_backend"]),
    ...(userConfig.carbonIntensity === null ? [] : ["measurement.carbon_intensity_gco2_kwh"]),
    ...(userConfig.pue === null ? [] : ["measurement.datacenter_pue"]),
    ...(userConfig.cycles === null ? [] : ["execution.n_cycles"]),
    ...(userConfig.modelCacheDirectory === null ? [] : ["output.model_cache_dir"]),
    ...(Object.keys(userConfig.engineCommands).length === 0 ? [] : ["engines"]),
  ]
  if (names.length === 0) return []
  const message = `The user config sets ${names.join(", ")}, which this version does not apply; write it in the study file.`
  return [{ code: "user_config_unapplied", severity: "warning", message }]
}

/** From the command line to a finished plan: reads files and looks at the node, decides everything else purely. */
export const prepare = Effect.fn("prepare")(function* (
  settings: Settings,
  request: Request,
): Effect.fn.Return<Prepared, ConfigError | UsageError, NodeProbe> {
  const sets = yield* Effect.forEach(request.set, (one) =>
    Effect.fromResult(Override.parse(one)).pipe(Effect.mapError((message) => new UsageError({ message, fix: null }))),
  )
  if (settings.unknownVariables.length > 0)
    return yield* new UsageError({
      message: `${settings.unknownVariables.join(", ")}: no such backend`,
      fix: `Backends are ${Backend.all.join(", ")}.`,
    })
  const here = settings.workingDirectory
  const isElsewhere = request.file !== null && Files.folderOf(Files.under(here, request.file)) !== here
  const fromHere = (name: string): string =>
    isElsewhere && /^\.{1,2}\/|\.\w+$/.test(name) && !name.startsWith("/") ? Files.under(here, name) : name
  const userConfig = yield* loadUserConfig(settings)
  const spec = yield* loadStudy(request.file, (documents) => overrides(request.given, sets, documents, fromHere))
  const expansion = yield* Effect.fromResult(Combinations.collect(spec))
  const backends = [...new Set(expansion.experiments.map(({ experiment }) => experiment.backend))]
  const probe = yield* NodeProbe
  const facts = spec.execution.skipPreflight ? unprobed(settings) : yield* probe.gather(backends)
  const resolution = yield* Effect.fromResult(
    Resolve.resolve({
      backends,
      requests: {
        flag: request.runner,
        env: settings.runners,
        file: spec.runners,
        userConfig: { all: null, byBackend: userConfig.runners },
      },
      images: { env: settings.images, file: spec.images, userConfig: userConfig.images },
      facts,
      usesGpu: (backend) =>
        expansion.experiments.some(
          ({ experiment }) => experiment.backend === backend && Placements.gpusOf(experiment, facts.gpus).length > 0,
        ),
    }),
  )
  const judgement = Judge.judge({
    resolution,
    facts,
    ...(settings.mockFile === null
      ? { executors: ["local", "docker"], adapters: Engines.available }
      : { executors: ["local", "docker", "slurm"] }),
  })
  const missing =
    settings.mockFile === null && !spec.execution.skipPreflight
      ? yield* contents.missing(
          expansion.experiments.map(({ experiment }) => experiment),
          {
            baseDirectory: request.file === null ? here : Files.folderOf(Files.under(here, request.file)),
            hubDirectory: settings.hubDirectory,
          },
        )
      : []
  const nodeFindings =
    settings.mockFile === null && !spec.execution.skipPreflight
      ? [
          ...Processors.findings(
            expansion.experiments.map(({ experiment }) => experiment),
            Probes.processors(),
          ),
          ...(yield* NodeFindings.of(
            settings,
            facts,
            resolution,
            resultsDirectory(settings, {
              flag: request.output,
              file: spec.resultsDirectory,
              userConfig: userConfig.resultsDirectory,
            }),
            request.offline,
          )),
        ]
      : []
  const plan = Plans.plan({
    study: { name: spec.name, kind: spec.kind, hash: expansion.studyHash },
    experiments: expansion.experiments,
    order: Order.cells(expansion.experiments.length, spec.execution, expansion.studyHash),
    execution: {
      order: spec.execution.order,
      timeouts: spec.execution.timeouts,
      container: spec.execution.container,
      gate: spec.execution.gate,
      experimentGapSeconds: spec.execution.experimentGapSeconds ?? userConfig.experimentGapSeconds,
      cycleGapSeconds: spec.execution.cycleGapSeconds ?? userConfig.cycleGapSeconds,
    },
    resolution,
    judgement: { ...judgement, findings: [...judgement.findings, ...missing, ...nodeFindings] },
    skipped: expansion.skipped,
    notices: [...spec.notices, ...expansion.notices, ...unapplied(userConfig)],
    engine: settings.mockFile === null ? Engines.byBackend : () => null,
    gpus: facts.gpus,
    variants: facts.embeddedVariants ?? [],
  })
  return { spec, plan, userConfig, facts }
})
