import { describe, expect, test } from "bun:test"
import { Clock, Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Absent from "../../src/docker/absent.ts"
import { type Attachment, type ContainerState, Docker } from "../../src/docker/Docker.ts"
import { DockerError } from "../../src/domain/Failure.ts"
import { type ContainerOutcome, exitOf, watch } from "../../src/executors/ContainerWatch.ts"
import { ended } from "../lib/containers.ts"
import { effect } from "../lib/effect.ts"

const away = new DockerError({
  reason: "daemon",
  message: "socket hang up",
  fix: "Start it.",
  details: { doing: "container" },
})

const state = (over: Partial<ContainerState> = {}): ContainerState => ended({ exitCode: 3, ...over })

interface Setting {
  /** The daemon's word of the container's end. */
  readonly exited?: Effect.Effect<number, DockerError>
  /** The end of its output. */
  readonly ended?: Effect.Effect<void>
  /** What an inspection gives, in turn; the last one for ever. */
  readonly states?: ReadonlyArray<ContainerState | DockerError>
}

/** Watches one container; gives how it ended and after how many seconds, or null while it is watched. */
const watched = (setting: Setting, seconds = 60) =>
  Effect.gen(function* () {
    const { exited = Effect.never, ended = Effect.never, states = [away] } = setting
    let asked = 0
    const daemon = yield* Effect.provide(Docker, yield* Layer.build(Absent.layer(away)))
    const docker = Docker.of({
      ...daemon,
      inspect: (id) =>
        Effect.suspend(() => {
          const found = states[Math.min(asked++, states.length - 1)] ?? away
          return id === "a" && "running" in found ? Effect.succeed(found) : Effect.fail(away)
        }),
    })
    const started = yield* Clock.currentTimeMillis
    const attached: Attachment = {
      writeInput: () => Effect.void,
      closeInput: Effect.void,
      ended: yield* Effect.cached(ended),
    }
    const outcome = yield* watch(docker, "a", attached, exited)
    const waiting = yield* Effect.forkChild(
      Effect.all([Deferred.await(outcome), Effect.map(Clock.currentTimeMillis, (millis) => (millis - started) / 1000)]),
    )
    yield* TestClock.adjust(`${seconds} seconds`)
    const exit = waiting.pollUnsafe()
    yield* Fiber.interrupt(waiting)
    if (exit === undefined) return null
    const [found, at] = yield* exit
    return { ...found, at, asked }
  })

describe("the end of a container", () => {
  effect("is the daemon's word of it, with the state that it leaves", () =>
    Effect.gen(function* () {
      const states = [state({ exitCode: 137, oomKilled: true })]
      expect(yield* watched({ exited: Effect.succeed(137), ended: Effect.void, states })).toEqual({
        exitCode: 137,
        state: state({ exitCode: 137, oomKilled: true }),
        lost: null,
        at: 0,
        asked: expect.any(Number),
      })
    }),
  )

  effect("waits for the last words in its log, and not for ever", () =>
    Effect.gen(function* () {
      const at = (seconds: number) => Effect.sleep(`${seconds} seconds`)
      const states = [state({ running: true, exitCode: null })]
      const exited = Effect.succeed(0)
      expect(yield* watched({ exited, ended: at(1), states })).toMatchObject({ exitCode: 0, at: 1 })
      expect(yield* watched({ exited, states })).toMatchObject({ exitCode: 0, lost: null, at: 2 })
    }),
  )

  effect("is found by asking where the daemon does not tell, once the output has ended", () =>
    Effect.gen(function* () {
      const runs = state({ running: true, exitCode: null })
      const found = yield* watched({ ended: Effect.sleep("5 seconds"), states: [runs, runs, state({ exitCode: 7 })] })
      expect(found).toMatchObject({ exitCode: 7, state: { exitCode: 7 }, lost: null, at: 5.15 })
    }),
  )

  effect("is none while it runs and its output is open", () =>
    Effect.gen(function* () {
      expect(yield* watched({ states: [state()] }, 3600)).toBeNull()
    }),
  )

  effect("stands when only its last state cannot be had", () =>
    Effect.gen(function* () {
      const told = yield* watched({ exited: Effect.succeed(1), states: [away] })
      expect(told).toMatchObject({ exitCode: 1, state: null, lost: null })
    }),
  )

  effect("is still waited for where only the connection that would tell it broke off", () =>
    Effect.gen(function* () {
      const runs = state({ running: true, exitCode: null })
      const states = [runs, runs, runs, state({ exitCode: 4 })]
      expect(yield* watched({ exited: Effect.fail(away), states, ended: Effect.never })).toMatchObject({
        exitCode: 4,
        lost: null,
      })
      expect(yield* watched({ exited: Effect.fail(away), states: [runs] }, 3600)).toBeNull()
    }),
  )

  effect("is the loss of its daemon where that went away first, with the daemon's words", () =>
    Effect.gen(function* () {
      const told = yield* watched({ exited: Effect.fail(away), states: [away] })
      expect(told).toMatchObject({ exitCode: null, state: null, at: 0 })
      expect(told?.lost).toMatchObject({ _tag: "DockerError", reason: "daemon", details: { doing: "container" } })
      expect(told?.lost?.message).toBe("The Docker daemon went away while the engine ran: socket hang up")
      expect(told?.lost?.fix).toContain("systemctl status docker")
      expect((yield* watched({ ended: Effect.void, states: [away] }))?.lost).toMatchObject({ reason: "daemon" })
    }),
  )
})

test("an exit is a code or a signal, and neither when the daemon was lost", () => {
  const of = (exitCode: number | null): ContainerOutcome => ({ exitCode, state: null, lost: null })
  expect([0, 1, 127, 137, 143, null].map((code) => exitOf(of(code)))).toEqual([
    { code: 0, signal: null },
    { code: 1, signal: null },
    { code: 127, signal: null },
    { code: null, signal: "SIGKILL" },
    { code: null, signal: "SIGTERM" },
    { code: null, signal: null },
  ])
})
