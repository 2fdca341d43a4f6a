import { describe, expect } from "bun:test"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import type { EngineLaunch } from "../../src/engines/Engine.ts"
import * as ChildProcess from "../../src/executors/childProcess.ts"
import { EngineHost } from "../../src/executors/EngineHost.ts"
import { live } from "../lib/effect.ts"
import { contextOf, launchOf } from "../lib/launch.ts"

const shell = (script: string): EngineLaunch =>
  launchOf({
    backend: "llamacpp",
    program: { kind: "command", name: "bash" },
    argv: ["-c", script],
    env: { CANARY: "sings" },
  })

const secrets = (name: string) => (name === "TOKEN" ? "hf_very_secret" : undefined)

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")
  } catch {
    return false
  }
}

const folder = () => mkdtempSync(join(tmpdir(), "llem-host-"))

const withHost = <A, E>(body: (host: EngineHost["Service"]) => Effect.Effect<A, E, Scope.Scope>) =>
  EngineHost.use(body).pipe(Effect.provide(ChildProcess.layer({ graceSeconds: 0.2, secrets })))

const waitFor = (condition: () => boolean) =>
  Effect.gen(function* () {
    while (!condition()) yield* Effect.sleep("5 millis")
  }).pipe(Effect.timeout("5 seconds"))

describe("child process host", () => {
  live("its log holds what the engine wrote, its environment what the launch asks", () => {
    const directory = folder()
    return withHost((host) =>
      Effect.gen(function* () {
        const handle = yield* host.launch(shell('echo "out $CANARY"; echo err >&2'), contextOf(directory))
        expect(yield* handle.exit).toEqual({ code: 0, signal: null })
        expect(yield* handle.logTail).toEqual(["out sings", "err"])
      }),
    )
  })

  live("the small files of its launch are in the cell's folder before it starts", () => {
    const directory = folder()
    return withHost((host) =>
      Effect.gen(function* () {
        const launch = { ...shell('cat "{files}/options.yaml"'), texts: { "options.yaml": "a: 1\n" } }
        const handle = yield* host.launch(launch, contextOf(directory))
        expect(yield* handle.exit).toEqual({ code: 0, signal: null })
        expect(yield* handle.logTail).toEqual(["a: 1"])
      }),
    )
  })

  live("what it writes of a secret that it was given is not in its log, also when it dies of it", () => {
    const directory = folder()
    return withHost((host) =>
      Effect.gen(function* () {
        const script = "printf 'token hf_very_'; sleep 0.1; echo 'secret!' >&2; kill -SEGV $$"
        const handle = yield* host.launch({ ...shell(script), secretNames: ["TOKEN"] }, contextOf(directory))
        expect(yield* handle.exit).toEqual({ code: null, signal: "SIGSEGV" })
        expect(yield* handle.logTail).toEqual(["token ***!"])
      }),
    )
  })

  live("the places that a launch leaves open are filled in", () => {
    const directory = folder()
    const launch = shell('echo "{host} {libraries} {variant}"')
    const placement = { ...contextOf(directory).cell.placement, engineVariant: "/gpu" }
    return withHost((host) =>
      Effect.gen(function* () {
        const filled = { ...launch, libraryFolders: ["/a", "/b"] }
        const handle = yield* host.launch(filled, contextOf(directory, { placement }))
        yield* handle.exit
        expect(yield* handle.logTail).toEqual(["127.0.0.1 /a:/b /gpu"])
      }),
    )
  })

  live("closing the scope ends every process of the engine, also one that ignores SIGTERM", () =>
    withHost((host) =>
      Effect.gen(function* () {
        const directory = folder()
        const scope = yield* Scope.make()
        const script = 'trap "" TERM; sleep 1000 & echo "$!"; while :; do sleep 0.1; done'
        const handle = yield* host.launch(shell(script), contextOf(directory)).pipe(Scope.provide(scope))
        yield* waitFor(() => readFileSync(join(directory, "engine.log"), "utf8").includes("\n"))
        const grandchild = Number((yield* handle.logTail)[0])
        expect(alive(grandchild)).toBe(true)
        yield* Scope.close(scope, Exit.void)
        expect((yield* handle.exit).signal).toBe("SIGKILL")
        yield* waitFor(() => !alive(grandchild))
      }),
    ),
  )

  live("a crash is an EngineError with the signal and the last lines", () =>
    withHost((host) =>
      Effect.gen(function* () {
        const handle = yield* host.launch(shell("echo dying words; kill -SEGV $$"), contextOf(folder()))
        const exit = yield* handle.exit
        const error = yield* handle.crashError(exit)
        expect(error._tag).toBe("EngineError")
        expect(error.reason).toBe("crash")
        expect(error.details["signal"]).toBe("SIGSEGV")
        expect(error.details["log_tail"]).toEqual(["dying words"])
      }),
    ),
  )

  live("a port that was taken and memory that ran out are told from other crashes", () =>
    withHost((host) =>
      Effect.gen(function* () {
        for (const [text, reason] of [
          ["bind: Address already in use", "port"],
          ["ggml: failed to allocate buffer", "oom"],
        ]) {
          const handle = yield* host.launch(shell(`echo "${text}"; exit 3`), contextOf(folder()))
          const error = yield* handle.crashError(yield* handle.exit)
          expect<string | undefined>(error.reason).toBe(reason)
        }
      }),
    ),
  )

  live("a program that is not there is a LocalError that names it", () =>
    withHost((host) =>
      Effect.gen(function* () {
        const missing: EngineLaunch = { ...shell(""), program: { kind: "command", name: "no-such-engine" } }
        const error = yield* Effect.flip(host.launch(missing, contextOf(folder())))
        expect(error._tag).toBe("LocalError")
        expect(error.fix).toContain("no-such-engine")
      }),
    ),
  )
})
