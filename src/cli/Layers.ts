import { Effect, Layer } from "effect"
import type { Docker } from "../docker/Docker.ts"
import type { EngineImages } from "../docker/EngineImages.ts"
import type { RunnerMode } from "../domain/RunnerSpec.ts"
import type { Timeline } from "../domain/Timeline.ts"
import { EngineHost } from "../executors/EngineHost.ts"
import type { Executor } from "../executors/Executor.ts"
import * as MockScript from "../executors/MockScript.ts"
import * as Files from "../platform/configFiles.ts"
import { ownBinary } from "../platform/engineRuntime.ts"
import * as hostFacts from "../platform/hostFacts.ts"
import * as timeline from "../platform/timeline.ts"
import type { NodeProbe } from "../preflight/NodeProbe.ts"
import type { Progress } from "../progress/Progress.ts"
import type { Style } from "../report/Style.ts"
import type { Settings } from "./Settings.ts"
import { UsageError } from "./UsageError.ts"

const maximumScriptBytes = 16 * 1024 * 1024

/** The scripted executor's file, where the environment names one. */
export const mockScript = Effect.fn("mockScript")(function* (settings: Settings) {
  if (settings.unknownExecutor !== null)
    return yield* new UsageError({
      message: `LLEM_EXECUTOR is ${settings.unknownExecutor}, which names no executor`,
      fix: "Unset it, or write mock:FILE.",
    })
  const file = settings.mockFile
  if (file === null) return null
  const reading = yield* Effect.promise(() => Files.read(file, maximumScriptBytes))
  if ("problem" in reading)
    return yield* new UsageError({ message: `LLEM_EXECUTOR: ${file}: ${reading.problem}`, fix: null })
  return yield* Effect.fromResult(MockScript.parse(file, new TextDecoder().decode(reading.bytes))).pipe(
    Effect.mapError((error) => new UsageError({ message: error.message, fix: null })),
  )
})

/** What the node is and has: probed, or as the script pretends. */
export const nodeProbe = (script: MockScript.MockScript | null): Layer.Layer<NodeProbe> =>
  script === null
    ? Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("../preflight/node.ts")),
          (node) => node.layer(),
        ),
      )
    : Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("../preflight/scripted.ts")),
          (scripted) => scripted.layer(MockScript.facts(script)),
        ),
      )

/** The daemon of this node and the images on it. */
export const dockerNode = (settings: Settings, offline: boolean) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const [node, images, login] = yield* Effect.promise(() =>
        Promise.all([
          import("../docker/nodeDocker.ts"),
          import("../docker/nodeImages.ts"),
          import("../docker/login.ts"),
        ]),
      )
      const { variables } = settings
      return images
        .layer({
          binary: ownBinary(),
          cacheDirectories: settings.cacheDirectories,
          offline,
          login: (reference) => login.loginFor(reference, variables),
        })
        .pipe(Layer.provideMerge(node.layer(variables)))
    }),
  )

/** Where engines are started: here, in containers, or both, as the cells of the plan need it. */
const engineHost = (settings: Settings, modes: ReadonlySet<RunnerMode>, docker: Layer.Layer<Docker | EngineImages>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const [byRunner, local, containers] = yield* Effect.promise(() =>
        Promise.all([
          import("../executors/ByRunner.ts"),
          import("../executors/childProcess.ts"),
          modes.has("docker") ? import("../executors/docker.ts") : null,
        ]),
      )
      const child = yield* Effect.provide(
        EngineHost,
        local.layer({ graceSeconds: 5, secrets: (name) => settings.variables[name] }),
      )
      if (containers === null) return byRunner.layer({ local: child })
      return Layer.unwrap(
        Effect.map(EngineHost, (inDocker) => byRunner.layer({ local: child, docker: inDocker })),
      ).pipe(
        Layer.provide(
          containers
            .layer({
              binary: ownBinary(),
              cacheDirectories: settings.cacheDirectories,
              secrets: (name) => settings.variables[name],
              graceSeconds: 5,
            })
            .pipe(Layer.provide(docker)),
        ),
      )
    }),
  )

const measuring = (settings: Settings, baseDirectory: string, host: Layer.Layer<EngineHost>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const [harness, pool, models, datasets, client, meter, store, gate, nvml] = yield* Effect.promise(() =>
        Promise.all([
          import("../harness/HarnessExecutor.ts"),
          import("../harness/EnginePool.ts"),
          import("../engines/localModels.ts"),
          import("../workload/fileDatasets.ts"),
          import("../workload/socketClient.ts"),
          import("../meters/node.ts"),
          import("../store/files.ts"),
          import("../harness/gpuGate.ts"),
          import("../platform/nvml.ts"),
        ]),
      )
      return harness.layer.pipe(
        Layer.provide(
          Layer.mergeAll(
            pool.layer.pipe(Layer.provide(host)),
            models.layer({
              baseDirectory,
              cacheDirectories: settings.cacheDirectories,
              hubDirectory: settings.hubDirectory,
            }),
            datasets.layer({ baseDirectory, setsDirectory: `${settings.dataDirectory}/datasets` }),
            client.layer,
            meter.layer(),
            gate.layer(() => nvml.readGpus(settings.nvmlLibrary)),
            store.cellFilesLayer,
            hostFacts.layer,
          ),
        ),
      )
    }),
  )

/** Runs cells for real, or as the script says. */
export const executor = (
  settings: Settings,
  script: MockScript.MockScript | null,
  baseDirectory: string,
  modes: ReadonlySet<RunnerMode>,
  docker: Layer.Layer<Docker | EngineImages>,
): Layer.Layer<Executor, never, Timeline> =>
  script === null
    ? measuring(settings, baseDirectory, engineHost(settings, modes, docker))
    : Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("../executors/mock.ts")),
          (mock) => mock.layer(script, settings.hostName),
        ),
      )

/** How a person or a program follows the study. */
export type ProgressChoice = "auto" | "plain" | "json" | "none"

export const progress = (choice: ProgressChoice, settings: Settings, style: Style): Layer.Layer<Progress> => {
  const kind = choice === "auto" ? (settings.liveView ? "live" : "plain") : choice
  return Layer.unwrap(
    Effect.promise(async () => {
      switch (kind) {
        case "live":
          return (await import("../progress/live.ts")).layer(style)
        case "plain":
          return (await import("../progress/plain.ts")).layer(style)
        case "json":
          return (await import("../progress/json.ts")).layer()
        default:
          return (await import("../progress/none.ts")).layer
      }
    }),
  )
}

/** The clock and the machine, which everything that runs cells needs. */
export const machine = Layer.mergeAll(timeline.layer, hostFacts.layer)
