import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { Effect, Fiber, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type ContainerSpec, plainContainer } from "../../src/docker/ContainerSpec.ts"
import { Docker } from "../../src/docker/Docker.ts"
import { layer } from "../../src/docker/dockerode.ts"
import type { DockerError } from "../../src/domain/Failure.ts"
import { effect, live } from "../lib/effect.ts"
import { behaviours } from "./behaviours.ts"
import type { Recording } from "./recording.ts"
import { type Answer, type Script, scriptedDaemon } from "./scripted.ts"

const recording: Recording = JSON.parse(readFileSync(`${import.meta.dir}/../fixtures/docker-answers.json`, "utf8"))

const talking = Effect.fnUntraced(function* (script: Script) {
  const daemon = yield* scriptedDaemon(script)
  const context = yield* Layer.build(layer({ socketPath: daemon.socketPath }))
  return { daemon, docker: yield* Effect.provide(Docker, context) }
})

describe(`the recorded answers of ${recording.daemon}`, () => {
  test("are those of every behaviour", () => {
    expect(Object.keys(recording.cases).toSorted()).toEqual(behaviours.map(({ name }) => name).toSorted())
  })

  for (const { name, holds } of behaviours)
    live(name, () =>
      Effect.gen(function* () {
        const { docker } = yield* talking(recording.cases[name] ?? {})
        yield* Effect.scoped(holds({ docker, ...recording.world }))
      }),
    )
})

const spec: ContainerSpec = {
  ...plainContainer,
  name: "llem-1",
  image: "acme/vllm:1",
  reference: "acme/vllm:1",
  command: ["/vllm"],
  pids: 64,
}

const refusal = (status: number, message: string): Answer => ({ status, body: { message } })
const event = (value: unknown): string => `${JSON.stringify(value)}\r\n`
const progress = () => undefined

describe("a daemon that hangs", () => {
  const requests: ReadonlyArray<
    readonly [
      string,
      string,
      (docker: Docker["Service"]) => Effect.Effect<unknown, DockerError, Scope.Scope>,
      number,
      DockerError["reason"],
    ]
  > = [
    ["info", "GET /info", ({ info }) => info, 10, "daemon"],
    ["inspect", "GET /containers/a/json", (docker) => docker.inspect("a"), 10, "daemon"],
    ["kill", "POST /containers/a/kill", (docker) => docker.kill("a", "SIGKILL"), 10, "daemon"],
    ["create", "POST /containers/create", (docker) => docker.create(spec), 120, "daemon"],
    ["start", "POST /containers/a/start", (docker) => docker.start("a", "i"), 120, "daemon"],
    ["remove", "DELETE /containers/a", (docker) => docker.remove("a"), 120, "daemon"],
    ["wait", "POST /containers/a/wait", (docker) => docker.awaitExit("a"), 10, "daemon"],
    ["pull", "POST /images/create", (docker) => docker.pull("acme/a:1", null, progress), 1800, "pull"],
  ]
  for (const [name, what, ask, limit, reason] of requests)
    effect(`is given up with its limit in the words: ${name}`, () =>
      Effect.gen(function* () {
        const { daemon, docker } = yield* talking({ [what]: "hang", "GET /version": "hang" })
        const asking = yield* Effect.forkChild(Effect.flip(ask(docker)))
        yield* daemon.wasAsked(what)
        yield* TestClock.adjust(`${limit} seconds`)
        const error = yield* Fiber.join(asking)
        expect(error.reason).toBe(reason)
        expect(error.message).toEndWith(`within ${limit} s`)
      }),
    )

  live("lets go of a create and a pull that are interrupted", () =>
    Effect.gen(function* () {
      const { daemon, docker } = yield* talking({ "POST /containers/create": "hang", "POST /images/create": "hang" })
      const pulling = docker.pull("acme/a:1", null, progress)
      for (const [what, ask] of [
        ["POST /containers/create", docker.create(spec)],
        ["POST /images/create", pulling],
      ] as const) {
        const asking = yield* Effect.forkChild(Effect.exit(ask))
        yield* daemon.wasAsked(what)
        yield* Fiber.interrupt(asking)
        yield* daemon.idle
      }
      expect(daemon.asked).toHaveLength(2)
    }),
  )

  live("lets go of a pull in the middle of its stream", () =>
    Effect.gen(function* () {
      const first = event({ status: "Pulling fs layer", id: "a" })
      const { daemon, docker } = yield* talking({ "POST /images/create": { pieces: [first], end: "hang" } })
      const told = Promise.withResolvers<number>()
      const pulling = yield* Effect.forkChild(docker.pull("acme/a:1", null, ({ layers }) => told.resolve(layers)))
      expect(yield* Effect.promise(() => told.promise)).toBe(1)
      yield* Fiber.interrupt(pulling)
      yield* daemon.idle
    }),
  )

  live("lets go of waiting for an exit, and of a container's streams, when the scope closes", () =>
    Effect.gen(function* () {
      const { daemon, docker } = yield* talking({
        "POST /containers/a/wait": { pieces: [], end: "hang" },
        "POST /containers/a/attach": { output: "", end: "hang" },
      })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const exit = yield* docker.awaitExit("a")
          expect(Effect.isEffect(exit)).toBe(true)
          yield* docker.attach("a", () => undefined)
          yield* daemon.wasAsked("POST /containers/a/wait")
        }),
      )
      yield* daemon.idle
      expect(daemon.asked.map(({ what }) => what).toSorted()).toEqual([
        "POST /containers/a/attach",
        "POST /containers/a/wait",
      ])
    }),
  )
})

describe("a connection that breaks", () => {
  live("before the answer is a daemon that went away", () =>
    Effect.gen(function* () {
      const { docker } = yield* talking({
        "GET /info": "reset",
        "GET /version": "reset",
        "POST /containers/create": "reset",
        "POST /containers/a/start": "reset",
        "POST /images/create": "reset",
        "POST /containers/a/attach": "reset",
        "POST /containers/a/wait": "reset",
      })
      const errors = yield* Effect.all([
        Effect.flip(docker.info),
        Effect.flip(docker.create(spec)),
        Effect.flip(docker.start("a", "i")),
        Effect.flip(docker.pull("acme/a:1", null, progress)),
        Effect.flip(Effect.scoped(docker.attach("a", () => undefined))),
        Effect.flip(Effect.scoped(Effect.asVoid(docker.awaitExit("a")))),
      ])
      expect(errors.map(({ reason }) => reason)).toEqual(Array(6).fill("daemon"))
      expect(errors[0].fix).toContain("systemctl start docker")
    }),
  )

  live("while a container runs is told to who waits for its exit, and ends its streams", () =>
    Effect.gen(function* () {
      const frame = Buffer.from([1, 0, 0, 0, 0, 0, 0, 3, ...Buffer.from("abc")])
      const { docker } = yield* talking({
        "POST /containers/a/wait": { pieces: [], end: "cut" },
        "POST /containers/a/attach": { output: frame.toString("base64"), end: "cut" },
      })
      const exit = yield* docker.awaitExit("a")
      expect((yield* Effect.flip(exit)).reason).toBe("daemon")
      const output: Array<string> = []
      const attached = yield* docker.attach("a", (bytes) => void output.push(Buffer.from(bytes).toString()))
      yield* attached.ended
      expect(output.join("")).toBe("abc")
    }),
  )

  live("in the middle of a wait's answer is a failure, not exit code 0", () =>
    Effect.gen(function* () {
      const { docker } = yield* talking({ "POST /containers/a/wait": { pieces: ['{"Sta'], end: "cut" } })
      const exit = yield* docker.awaitExit("a")
      expect((yield* Effect.flip(exit)).reason).toBe("daemon")
    }),
  )

  live("in the middle of a pull's stream is a failed pull", () =>
    Effect.gen(function* () {
      const pieces = [event({ status: "Downloading", id: "a", progressDetail: { current: 1, total: 9 } })]
      const { docker } = yield* talking({ "POST /images/create": { pieces, end: "cut" } })
      const error = yield* Effect.flip(docker.pull("acme/a:1", null, progress))
      expect(["pull", "daemon"]).toContain(error.reason)
    }),
  )

  effect("in the middle of an answer is a daemon that says no more", () =>
    Effect.gen(function* () {
      const what = "GET /containers/a/json"
      const { daemon, docker } = yield* talking({ [what]: { pieces: ['{"Id":'], end: "cut" } })
      const asking = yield* Effect.forkChild(Effect.flip(docker.inspect("a")))
      yield* daemon.wasAsked(what)
      yield* daemon.idle
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(asking)).reason).toBe("daemon")
    }),
  )
})

describe("a refusal", () => {
  live("of removing or killing what is going or gone is none", () =>
    Effect.gen(function* () {
      const { docker, daemon } = yield* talking({
        "DELETE /containers/a": [
          refusal(409, "removal of container a is already in progress"),
          refusal(404, "No such container: a"),
          { status: 204, body: null },
        ],
        "POST /containers/a/kill": [refusal(409, "Container a is not running"), refusal(404, "No such container: a")],
        "DELETE /networks/n": refusal(404, "network n not found"),
        "POST /containers/a/start": { status: 304, body: null },
      })
      yield* docker.remove("a")
      yield* docker.remove("a")
      yield* docker.remove("a")
      yield* docker.kill("a", "SIGTERM")
      yield* docker.kill("a", "SIGTERM")
      yield* docker.removeNetwork("n")
      yield* docker.start("a", "i")
      expect(daemon.asked.map(({ query }) => query)).toContainEqual({ force: "true", v: "true" })
      expect(daemon.asked.map(({ query }) => query)).toContainEqual({ signal: "SIGTERM" })
    }),
  )

  live("with status 500 is the daemon's, in its own words", () =>
    Effect.gen(function* () {
      const { docker } = yield* talking({
        "POST /containers/create": refusal(500, "layer does not exist"),
        "DELETE /containers/a": refusal(500, "driver overlay2 failed to remove root filesystem"),
        "GET /networks": { status: 500, body: "no JSON at all" },
      })
      const errors = yield* Effect.all([
        Effect.flip(docker.create(spec)),
        Effect.flip(docker.remove("a")),
        Effect.flip(docker.networks("io.llem.owner")),
      ])
      expect(errors.map(({ reason }) => reason)).toEqual(["daemon", "daemon", "daemon"])
      expect(errors.map(({ details }) => details["status"])).toEqual([500, 500, 500])
      expect(errors[0].message).toContain("layer does not exist")
      expect(errors[2].message).toContain("no JSON at all")
    }),
  )

  live("inside a stream with status 200 is one, of a pull as of a load", () =>
    Effect.gen(function* () {
      const full = "write /var/lib/docker/tmp/x: no space left on device"
      const pieces = [
        event({ status: "Pulling fs layer", id: "a" }),
        event({ errorDetail: { message: full }, error: full }),
      ]
      const stream: Answer = { pieces, end: "whole" }
      const { docker } = yield* talking({ "POST /images/create": stream, "POST /images/load": stream })
      for (const error of [
        yield* Effect.flip(docker.pull("acme/a:1", null, progress)),
        yield* Effect.flip(docker.load(import.meta.path)),
      ]) {
        expect(error.reason).toBe("pull")
        expect(error.message).toContain("no space left on device")
        expect(error.fix).toContain("docker system df")
      }
    }),
  )
})

describe("what the daemon is asked", () => {
  live("to pull: name, tag, and credentials in a header only", () =>
    Effect.gen(function* () {
      const { docker, daemon } = yield* talking({ "POST /images/create": { pieces: [], end: "whole" } })
      const auth = { username: "ada", password: "s3cret", serverAddress: "r.example" }
      yield* docker.pull("r.example/a:1", auth, progress)
      yield* docker.pull("r.example/a:1", { identityToken: "t0ken", serverAddress: "r.example" }, progress)
      yield* docker.pull("r.example/a:1", null, progress)
      const sent = daemon.asked.map(({ headers }) => {
        const header = headers["x-registry-auth"]
        return header === undefined ? null : JSON.parse(Buffer.from(header, "base64url").toString())
      })
      expect(sent[0]).toEqual({ username: "ada", password: "s3cret", serveraddress: "r.example" })
      expect(sent[1]).toEqual({ identitytoken: "t0ken", serveraddress: "r.example" })
      expect(sent[2]).toBeNull()
      expect(daemon.asked.map(({ query }) => query)).toEqual(Array(3).fill({ fromImage: "r.example/a", tag: "1" }))
    }),
  )

  live("to wait: for the next exit, since a container that was not started yet has none", () =>
    Effect.gen(function* () {
      const { docker, daemon } = yield* talking({ "POST /containers/a/wait": { status: 200, body: { StatusCode: 3 } } })
      expect(yield* yield* docker.awaitExit("a")).toBe(3)
      expect(daemon.asked[0]?.query).toEqual({ condition: "next-exit" })
    }),
  )
})
