import { expect } from "bun:test"
import { Effect, type Scope } from "effect"
import { type ContainerSpec, plainContainer } from "../../src/docker/ContainerSpec.ts"
import type { Docker, PullProgress } from "../../src/docker/Docker.ts"
import type { DockerError } from "../../src/domain/Failure.ts"

/** A daemon with what the behaviours need of it. */
export interface World {
  readonly docker: Docker["Service"]
  /** Begins the names of everything that a case makes. */
  readonly prefix: string
  /** An image with busybox, whose entrypoint is empty. */
  readonly image: string
  /** An image that its registry has. */
  readonly known: string
  /** A tag that its registry does not have. */
  readonly unknown: string
  /** An image with a layer that is damaged in its registry. */
  readonly damaged: string
}

export interface Behaviour {
  readonly name: string
  readonly holds: (world: World) => Effect.Effect<void, DockerError, Scope.Scope>
}

const spec = (world: World, command: ReadonlyArray<string>, over: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...plainContainer,
  name: `${world.prefix}-container`,
  image: world.image,
  reference: world.image,
  command,
  env: { GREETING: "hello" },
  labels: { [`io.llem.test.${world.prefix}`]: "container" },
  temporary: ["/tmp"],
  pids: 64,
  ...over,
})

const shell = (script: string): ReadonlyArray<string> => ["/bin/busybox", "sh", "-c", script]

const created = (world: World, wanted: ContainerSpec) =>
  Effect.acquireRelease(
    Effect.map(world.docker.create(wanted), ({ id }) => id),
    (id) => Effect.ignore(world.docker.remove(id)),
  )

/** Runs a container to its end. */
const ran = Effect.fnUntraced(function* (world: World, wanted: ContainerSpec) {
  const { docker } = world
  const id = yield* created(world, wanted)
  const pieces: Array<Uint8Array> = []
  const attached = yield* docker.attach(id, (bytes) => void pieces.push(bytes))
  const exit = yield* docker.awaitExit(id)
  yield* docker.start(id, wanted.image)
  const code = yield* exit
  yield* attached.ended
  const output = Buffer.concat(pieces).toString()
  return { id, code, output, state: yield* docker.inspect(id) }
})

/** The error of what must not succeed. */
const failure = <A>(
  effect: Effect.Effect<A, DockerError, Scope.Scope>,
): Effect.Effect<DockerError, never, Scope.Scope> =>
  Effect.matchEffect(effect, {
    onFailure: (error) => Effect.succeed(error),
    onSuccess: () => Effect.die(new Error("the daemon was expected to refuse")),
  })

const sorted = (lines: string): ReadonlyArray<string> => lines.trim().split("\n").toSorted()

/** What llem relies on from a daemon: the same cases over recorded answers and over a real one. */
export const behaviours: ReadonlyArray<Behaviour> = [
  {
    name: "tells about itself",
    holds: Effect.fnUntraced(function* ({ docker }) {
      const info = yield* docker.info
      expect(info.version).toMatch(/^\d+\.\d+/)
      expect(info.apiVersion).toMatch(/^1\.\d+$/)
      expect(info.kernelVersion).not.toBe("")
      expect(info.rootDirectory).toStartWith("/")
      expect(["1", "2"]).toContain(info.cgroupVersion)
      expect(info.runtimes).toContain("runc")
    }),
  },
  {
    name: "knows an image that is there, and says null for one that is not",
    holds: Effect.fnUntraced(function* ({ docker, image, unknown }) {
      const found = yield* docker.image(image)
      expect(found).toMatchObject({ tags: [image], entrypoint: [], command: ["/bin/busybox"], repoDigests: [] })
      expect(found?.id).toMatch(/^sha256:[0-9a-f]{64}$/)
      expect(found?.sizeBytes).toBeGreaterThan(100_000)
      expect(found?.labels).toEqual({ "io.llem.test": "image" })
      expect(yield* docker.image(unknown)).toBeNull()
    }),
  },
  {
    name: "runs a container: its exit code, its output from both streams, its end",
    holds: Effect.fnUntraced(function* (world) {
      const end = yield* ran(world, spec(world, shell('echo "$GREETING"; echo error >&2; exit 7')))
      expect(end.code).toBe(7)
      expect(sorted(end.output)).toEqual(["error", "hello"])
      expect(end.state).toMatchObject({ running: false, exitCode: 7, oomKilled: false, error: "" })
    }),
  },
  {
    name: "gives a container its input, and its end of input",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const id = yield* created(world, spec(world, ["/bin/busybox", "cat"]))
      const heard = Promise.withResolvers<string>()
      const attached = yield* docker.attach(id, (bytes) => heard.resolve(Buffer.from(bytes).toString()))
      const exit = yield* docker.awaitExit(id)
      yield* docker.start(id, world.image)
      yield* attached.writeInput("a line\n")
      expect(yield* Effect.promise(() => heard.promise)).toBe("a line\n")
      yield* attached.closeInput
      expect(yield* exit).toBe(0)
    }),
  },
  {
    name: "keeps privileges from a container",
    holds: Effect.fnUntraced(function* (world) {
      const look =
        "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; touch /new || echo refused; touch /tmp/new && echo made"
      const script = look.replace("grep", "/bin/busybox grep").replaceAll("touch", "/bin/busybox touch")
      const { output } = yield* ran(world, spec(world, shell(script)))
      const lines = output.replaceAll("\t", " ").trim().split("\n")
      expect(lines).toContain("CapEff: 0000000000000000")
      expect(lines).toContain("CapBnd: 0000000000000000")
      expect(lines).toContain("NoNewPrivs: 1")
      expect(lines).toContain("refused")
      expect(lines).toContain("made")
    }),
  },
  {
    name: "flags a container that ran out of memory",
    holds: Effect.fnUntraced(function* (world) {
      const wanted = spec(world, ["/bin/busybox", "tail", "/dev/zero"], { memoryBytes: 16 * 2 ** 20 })
      const { state, code } = yield* ran(world, wanted)
      expect(state.oomKilled).toBe(true)
      expect(state.exitCode).toBe(code)
      expect(code).not.toBe(0)
    }),
  },
  {
    name: "kills a container, also one that has ended or is gone",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const id = yield* created(world, spec(world, ["/bin/busybox", "sleep", "600"]))
      const exit = yield* docker.awaitExit(id)
      yield* docker.start(id, world.image)
      expect((yield* docker.inspect(id)).running).toBe(true)
      yield* docker.kill(id, "SIGKILL")
      expect(yield* exit).toBe(137)
      expect(yield* docker.inspect(id)).toMatchObject({ running: false, exitCode: 137, oomKilled: false })
      yield* docker.kill(id, "SIGKILL")
      yield* docker.remove(id)
      yield* docker.kill(id, "SIGKILL")
    }),
  },
  {
    name: "starts a container that runs already without complaint",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const id = yield* created(world, spec(world, ["/bin/busybox", "sleep", "600"]))
      yield* docker.start(id, world.image)
      yield* docker.start(id, world.image)
      const state = yield* docker.inspect(id)
      expect(state.running).toBe(true)
      expect(state.exitCode).toBeNull()
      expect(state.processId).toBeGreaterThan(0)
    }),
  },
  {
    name: "removes a container that runs, and one that is gone",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const id = yield* created(world, spec(world, ["/bin/busybox", "sleep", "600"]))
      yield* docker.start(id, world.image)
      yield* docker.remove(id)
      yield* docker.remove(id)
      yield* docker.remove(`${world.prefix}-never`)
      const gone = yield* failure(docker.inspect(id))
      expect(gone.details["status"]).toBe(404)
      expect(gone.message).toContain("No such container")
    }),
  },
  {
    name: "finds containers by label, running or not",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const label = `io.llem.test.${world.prefix}`
      const id = yield* created(world, spec(world, ["/bin/busybox", "true"]))
      expect(yield* docker.containers(label)).toEqual([
        { id, name: `${world.prefix}-container`, labels: { [label]: "container", "io.llem.test": "image" } },
      ])
      expect(yield* docker.containers(`${label}.other`)).toEqual([])
    }),
  },
  {
    name: "makes a network, gives containers addresses in it, and removes it",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const name = `${world.prefix}-network`
      const label = `io.llem.test.${world.prefix}`
      yield* Effect.acquireRelease(docker.createNetwork(name, { [label]: "network" }, true), () =>
        Effect.ignore(docker.removeNetwork(name)),
      )
      const [network, ...others] = yield* docker.networks(label)
      expect(network).toMatchObject({ name, labels: { [label]: "network" } })
      expect(others).toEqual([])
      const id = yield* created(world, spec(world, ["/bin/busybox", "sleep", "600"], { network: name }))
      yield* docker.start(id, world.image)
      const { addresses } = yield* docker.inspect(id)
      expect(Object.keys(addresses)).toEqual([name])
      expect(addresses[name]).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
      expect((yield* failure(docker.removeNetwork(name))).message).toContain("has active endpoints")
      yield* docker.remove(id)
      yield* docker.removeNetwork(name)
      yield* docker.removeNetwork(name)
      expect(yield* docker.networks(label)).toEqual([])
    }),
  },
  {
    name: "publishes a port on the loopback interface",
    holds: Effect.fnUntraced(function* (world) {
      const { docker } = world
      const wanted = spec(world, ["/bin/busybox", "sleep", "600"], { network: "bridge", publishedPort: 8000 })
      const id = yield* created(world, wanted)
      yield* docker.start(id, world.image)
      expect((yield* docker.inspect(id)).publishedPort).toBeGreaterThan(1023)
    }),
  },
  {
    name: "refuses a container of an image that is not there",
    holds: Effect.fnUntraced(function* (world) {
      const error = yield* failure(
        created(world, spec(world, ["/bin/x"], { image: world.unknown, reference: world.unknown })),
      )
      expect(error.reason).toBe("image")
      expect(error.details["status"]).toBe(404)
      expect(error.fix).toContain(`docker pull ${world.unknown}`)
    }),
  },
  {
    name: "refuses a second container of one name",
    holds: Effect.fnUntraced(function* (world) {
      yield* created(world, spec(world, ["/bin/busybox"]))
      const error = yield* failure(created(world, spec(world, ["/bin/busybox"])))
      expect(error.reason).toBe("crash")
      expect(error.details["status"]).toBe(409)
      expect(error.message).toContain("is already in use")
    }),
  },
  {
    name: "refuses a mount of what is not there",
    holds: Effect.fnUntraced(function* (world) {
      const mounts = [{ kind: "bind", source: "/no/such/folder", target: "/models", readOnly: true }] as const
      const error = yield* failure(created(world, spec(world, ["/bin/busybox"], { mounts })))
      expect(error.reason).toBe("mount")
      expect(error.message).toContain("/no/such/folder")
    }),
  },
  {
    name: "ends a container whose program the image does not have with 127, and the init process says so",
    holds: Effect.fnUntraced(function* (world) {
      const { code, output } = yield* ran(world, spec(world, ["/bin/no-such-program"]))
      expect(code).toBe(127)
      expect(output).toContain("/bin/no-such-program")
    }),
  },
  {
    name: "refuses GPUs that it cannot hand on",
    holds: Effect.fnUntraced(function* (world) {
      const gpus = { driver: "nvidia", uuids: ["GPU-00000000-0000-0000-0000-000000000000"] } as const
      const id = yield* created(world, spec(world, ["/bin/busybox"], { gpus }))
      const error = yield* failure(world.docker.start(id, world.image))
      expect(error.reason).toBe("gpu")
      expect(error.fix).toContain("nvidia-ctk")
    }),
  },
  {
    name: "pulls an image, and tells how far it is",
    holds: Effect.fnUntraced(function* ({ docker, known }) {
      const told: Array<PullProgress> = []
      yield* docker.pull(known, null, (progress) => void told.push(progress))
      expect(told.at(-1)).toMatchObject({ layers: 1, layersDone: 1 })
      const bytes = told.map(({ bytesDone }) => bytesDone)
      expect(bytes).toEqual(bytes.toSorted((a, b) => a - b))
      expect((yield* docker.image(known))?.repoDigests[0]).toMatch(/@sha256:[0-9a-f]{64}$/)
    }),
  },
  {
    name: "says that a tag which its registry does not have is a matter of the image",
    holds: Effect.fnUntraced(function* ({ docker, unknown }) {
      const error = yield* failure(docker.pull(unknown, null, () => undefined))
      expect(error.reason).toBe("image")
      expect(error.fix).toContain(`docker pull ${unknown}`)
    }),
  },
  {
    name: "fails a pull whose stream tells of an error, though its status was 200",
    holds: Effect.fnUntraced(function* ({ docker, damaged }) {
      const error = yield* failure(docker.pull(damaged, null, () => undefined))
      expect(error.reason).toBe("pull")
      expect(error.details["status"]).toBeNull()
      expect(error.message).toContain("verification failed")
      expect(yield* docker.image(damaged)).toBeNull()
    }),
  },
]
