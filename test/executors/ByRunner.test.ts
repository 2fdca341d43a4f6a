import { expect } from "bun:test"
import { Effect } from "effect"
import * as ByRunner from "../../src/executors/ByRunner.ts"
import { type EngineHandle, EngineHost } from "../../src/executors/EngineHost.ts"
import { effect } from "../lib/effect.ts"
import { contextOf, idleEngine, launchOf } from "../lib/launch.ts"

const handle = (name: string): EngineHandle => ({ ...idleEngine, endpoint: { kind: "unix", path: name } })

const host = (name: string) => EngineHost.of({ launch: () => Effect.succeed(handle(name)) })
const at = (mode: "local" | "docker" | "slurm") => contextOf("/cell", { runner: { mode, image: null, source: "yaml" } })

effect("each engine goes to the host of its cell's runner; a runner without one is an error that names it", () =>
  Effect.gen(function* () {
    const engines = yield* EngineHost
    const placed = yield* Effect.forEach(["local", "docker", "local"] as const, (mode) =>
      Effect.map(engines.launch(launchOf(), at(mode)), ({ endpoint }) => endpoint),
    )
    expect(placed.map((endpoint) => (endpoint.kind === "unix" ? endpoint.path : ""))).toEqual(["here", "box", "here"])
    const failed = yield* Effect.flip(engines.launch(launchOf(), at("slurm")))
    expect(failed).toMatchObject({ _tag: "LocalError", reason: "spawn", details: { mode: "slurm" } })
    expect(failed.message).toContain("slurm")
    expect(failed.fix).toContain("--runner")
  }).pipe(Effect.provide(ByRunner.layer({ local: host("here"), docker: host("box") }))),
)

effect("a host gets the launch and its context as they are", () => {
  const got: Array<unknown> = []
  const local = EngineHost.of({
    launch: (launch, context) => {
      got.push(launch, context)
      return Effect.succeed(handle("here"))
    },
  })
  return Effect.gen(function* () {
    const [launch, context] = [launchOf({ argv: ["a"] }), at("local")]
    yield* EngineHost.use((engines) => engines.launch(launch, context))
    expect(got).toEqual([launch, context])
  }).pipe(Effect.provide(ByRunner.layer({ local })))
})
