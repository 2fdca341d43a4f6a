import { Effect, Layer, Option } from "effect"
import { Command } from "effect/cli"
import * as Files from "../platform/configFiles.ts"
import * as Judge from "../preflight/Judge.ts"
import * as Dispatch from "../runner/Dispatch.ts"
import * as PlanDocument from "../runner/PlanDocument.ts"
import { Store } from "../store/Store.ts"
import { CurrentSettings } from "./CurrentSettings.ts"
import * as contents from "./contents.ts"
import * as flags from "./flags.ts"
import * as Layers from "./Layers.ts"
import * as Output from "./Output.ts"
import * as Plan from "./plan.ts"
import { type Prepared, prepare } from "./prepare.ts"
import { RunExit } from "./RunExit.ts"
import { resultsDirectory } from "./resultsDirectory.ts"
import * as StudyView from "./studyView.ts"
import { UsageError } from "./UsageError.ts"

const sayNotices = (prepared: Prepared) =>
  Effect.forEach(prepared.plan.notices, (notice) => Output.say(`${notice.severity}: ${notice.message}`), {
    discard: true,
  })

export const command = Command.make(
  "run",
  { file: flags.file, ...flags.runFlags },
  Effect.fnUntraced(function* (input) {
    const settings = yield* CurrentSettings
    const file = Option.getOrNull(input.file)
    if (file === null && Option.isNone(input.model))
      return yield* new UsageError({
        message: "run needs a study file, or --model and further flags that describe one experiment",
        fix: "llem run study.yaml, or llem run --model synthetic:15m; `llem init` writes a file to begin with.",
      })
    const script = yield* Layers.mockScript(settings)
    const prepared = yield* prepare(settings, {
      file,
      given: input,
      set: input.set,
      runner: Option.getOrNull(input.runner),
      offline: input.offline,
      output: Option.getOrNull(input.output),
    }).pipe(Effect.provide(Layers.nodeProbe(script)))
    const { plan, spec } = prepared
    if (input.dryRun) return yield* Plan.show(plan, settings, input.json)
    for (const finding of plan.findings)
      if (!finding.blocking && input.progress !== "json")
        yield* Output.say(`warning: ${finding.message}\n  ${finding.fix}`)
    const ready = Judge.ready(plan.findings)
    if (ready._tag === "Failure") {
      yield* sayNotices(prepared)
      return yield* ready.failure
    }
    const baseDirectory =
      file === null ? settings.workingDirectory : Files.folderOf(Files.under(settings.workingDirectory, file))
    const modes = new Set(plan.cells.flatMap((cell) => (cell.skip === null ? [cell.runner.mode] : [])))
    const inDocker = script === null && modes.has("docker")
    const dockerNode = Layers.dockerNode(settings, input.offline)
    // One for the images beforehand and for the cells: what was refused once is known to both.
    const docker = inDocker ? Layer.succeedContext(yield* Layer.build(dockerNode)) : dockerNode
    if (inDocker) {
      const dockerReady = yield* Effect.promise(() => import("./dockerReady.ts"))
      const quiet = input.quiet || input.progress === "json"
      const overNetwork = prepared.facts.docker.overNetwork === true
      yield* Effect.provide(dockerReady.ready(plan, { quiet, offline: input.offline, overNetwork }), docker)
    }
    const choice = input.quiet ? "none" : input.progress
    const store = yield* Effect.promise(() => import("../store/files.ts"))
    const outcome = yield* Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* (yield* Store).openStudy(
          plan,
          resultsDirectory(settings, {
            flag: Option.getOrNull(input.output),
            file: spec.resultsDirectory,
            userConfig: prepared.userConfig.resultsDirectory,
          }),
          PlanDocument.encodePlan(plan, yield* contents.hashes(plan, baseDirectory, settings)),
        )
        yield* RunExit.opened(folder.directory)
        return yield* Dispatch.dispatch(plan, {
          studyFolder: folder,
          failFast: input.failFast || spec.execution.failFast,
          reuseEngine: spec.execution.reuseEngine,
          gaps: !input.noGaps && script === null,
        })
      }),
    ).pipe(
      Effect.provide(
        Layer.mergeAll(
          store.layer,
          Layers.executor(settings, script, baseDirectory, modes, docker),
          Layers.progress(choice, settings, Output.styleOf(settings)),
        ).pipe(Layer.provideMerge(Layers.machine)),
      ),
    )
    yield* RunExit.set(outcome.exitCode)
    yield* StudyView.show(outcome.directory, settings, input.json)
    if (!input.quiet && input.progress !== "json") yield* Output.say(`Results: ${outcome.directory}`)
  }, Effect.scoped),
).pipe(Command.withDescription("Run an experiment or a study"))
