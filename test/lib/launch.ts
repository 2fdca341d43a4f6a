import { Effect } from "effect"
import type { EngineLaunch } from "../../src/engines/Engine.ts"
import type { EngineHandle, LaunchContext } from "../../src/executors/EngineHost.ts"
import { cell } from "../store/samples.ts"

/** A launch of some engine; tests say what of it matters to them. */
export const launchOf = (over: Partial<EngineLaunch> = {}): EngineLaunch => ({
  backend: "embedded",
  program: { kind: "self" },
  argv: [],
  env: {},
  mounts: [],
  secretNames: [],
  libraryFolders: [],
  container: { command: null, shmBytes: null, ipc: "private", ulimits: [], anyUser: true, writable: [] },
  readinessPath: "/health",
  infoPath: null,
  servedModel: "m",
  ...over,
})

/** The context of a launch for some cell. */
export const contextOf = (directory: string, over: Partial<LaunchContext["cell"]> = {}): LaunchContext => ({
  directory,
  study: "study",
  cell: { ...cell(1), ...over },
})

/** An engine that runs, answers nothing and never ends. */
export const idleEngine: EngineHandle = {
  endpoint: { kind: "tcp", host: "127.0.0.1", port: 1 },
  processIds: [1],
  container: null,
  ask: () => Effect.succeed(null),
  exit: Effect.never,
  logTail: Effect.succeed([]),
  crashError: () => Effect.die("not asked for"),
}
