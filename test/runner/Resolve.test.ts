import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import { Backend } from "../../src/domain/Backend.ts"
import type { NodeFacts } from "../../src/domain/NodeFacts.ts"
import type { Resolution } from "../../src/domain/RunnerSpec.ts"
import { defaultImage } from "../../src/runner/Images.ts"
import type { Requests } from "../../src/runner/Requests.ts"
import * as Resolve from "../../src/runner/Resolve.ts"
import { arbitraryOf, prop } from "../lib/effect.ts"
import { facts } from "./samples.ts"

const silent: Requests = {
  flag: null,
  env: {},
  file: { all: null, byBackend: {} },
  userConfig: { all: null, byBackend: {} },
}
const noImages = { env: {}, file: {}, userConfig: {} }
const noDocker = facts({ docker: { usable: false, reason: "no daemon answers" } })
const inContainer = facts({ insideContainer: true })

interface Given {
  readonly requests?: Partial<Requests>
  readonly images?: Partial<Resolve.ResolveInput["images"]>
  readonly facts?: NodeFacts
}

const outcome = (backends: ReadonlyArray<Backend>, given: Given = {}) =>
  Resolve.resolve({
    backends,
    requests: { ...silent, ...given.requests },
    images: { ...noImages, ...given.images },
    facts: given.facts ?? facts(),
  })

const resolved = (backends: ReadonlyArray<Backend>, given: Given = {}): Resolution =>
  Result.getOrThrow(outcome(backends, given))

const problems = (backends: ReadonlyArray<Backend>, given: Given = {}) =>
  Result.match(outcome(backends, given), { onSuccess: () => [], onFailure: (error) => error.problems })

const yaml = (byBackend: Partial<Record<Backend, string>>): Partial<Requests> => ({ file: { all: null, byBackend } })

/** Mode and source by backend, as `docker/env`. */
const short = ({ runners }: Resolution): Record<string, string> =>
  Object.fromEntries(Object.entries(runners).map(([name, { mode, source }]) => [name, `${mode}/${source}`]))
const codes = (list: ReadonlyArray<{ readonly code: string }>): ReadonlyArray<string> => list.map(({ code }) => code)

const elevation = "Multi-backend study detected (pytorch, vllm). Auto-elevating all backends to Docker for isolation."
const guidance =
  "Multi-backend study requires Docker isolation. Found backends: pytorch, vllm. Install Docker + NVIDIA Container Toolkit, or use a single backend."
const mixed = "Mixed runners detected. For consistent measurements, consider running all backends in Docker."

describe("precedence for one backend", () => {
  const everywhere: Requests = {
    flag: "docker:flag",
    env: { vllm: "docker:env" },
    file: { all: null, byBackend: { vllm: "docker:file" } },
    userConfig: { all: null, byBackend: { vllm: "docker:user" } },
  }
  test.each([
    ["flag", {}],
    ["env", { flag: null }],
    ["yaml", { flag: null, env: {} }],
    ["user_config", { flag: null, env: {}, file: silent.file }],
  ] as const)("%s wins over what is weaker", (source, over) => {
    const image = { flag: "flag", env: "env", yaml: "file", user_config: "user" }[source]
    expect(resolved(["vllm"], { requests: { ...everywhere, ...over } }).runners.vllm).toEqual({
      mode: "docker",
      image,
      source,
    })
  })

  test("nobody said anything: Docker where it is usable, else local", () => {
    expect(short(resolved(["vllm"]))).toEqual({ vllm: "docker/auto_detected" })
    expect(short(resolved(["vllm"], { facts: noDocker }))).toEqual({ vllm: "local/default" })
    expect(short(resolved(["vllm"], { facts: inContainer }))).toEqual({ vllm: "local/default" })
  })

  test("auto at a strong place hides what is weaker and leaves it to detection", () => {
    expect(short(resolved(["vllm"], { requests: { ...everywhere, flag: "auto" }, facts: noDocker }))).toEqual({
      vllm: "local/default",
    })
  })

  test("one value for every backend of the file, and a value for one", () => {
    const all = { file: { all: "local", byBackend: {} } }
    expect(short(resolved(["vllm", "pytorch"], { requests: all }))).toEqual({
      vllm: "local/yaml",
      pytorch: "local/yaml",
    })
    expect(problems(["vllm"], { requests: { file: { all: "local", byBackend: { vllm: "docker" } } } })).toHaveLength(1)
  })

  test("embedded and endpoint are processes of this node unless somebody says otherwise", () => {
    expect(short(resolved(["embedded"]))).toEqual({ embedded: "local/auto_detected" })
    expect(short(resolved(["endpoint"]))).toEqual({ endpoint: "local/auto_detected" })
    expect(short(resolved(["embedded"], { requests: yaml({ embedded: "docker" }) }))).toEqual({
      embedded: "docker/yaml",
    })
  })
})

describe("several backends", () => {
  const both: ReadonlyArray<Backend> = ["vllm", "pytorch"]

  test("none explicit, Docker usable: all are elevated, said in one line", () => {
    const got = resolved(both)
    expect(short(got)).toEqual({
      vllm: "docker/multi_engine_elevation",
      pytorch: "docker/multi_engine_elevation",
    })
    expect(got.notices).toEqual([{ code: "auto_elevated", severity: "info", message: elevation }])
    expect(got.findings).toEqual([])
  })

  test("a user config of auto does not keep them from being elevated", () => {
    const userConfig = { all: null, byBackend: { vllm: "auto", pytorch: "auto" } }
    expect(resolved(both, { requests: { userConfig } }).notices).toEqual(resolved(both).notices)
  })

  test("some explicit, Docker usable: these stay, the others are elevated; mixed only when modes differ", () => {
    const local = resolved(both, { requests: yaml({ vllm: "local" }) })
    expect(short(local)).toEqual({ vllm: "local/yaml", pytorch: "docker/multi_engine_elevation" })
    expect(local.notices).toEqual([{ code: "mixed_runners", severity: "warning", message: mixed }])
    const docker = resolved(both, { requests: yaml({ vllm: "docker" }) })
    expect(short(docker)).toEqual({ vllm: "docker/yaml", pytorch: "docker/multi_engine_elevation" })
    expect(docker.notices).toEqual([])
  })

  test.each([
    ["none", {}],
    ["some", yaml({ vllm: "local" })],
  ] as const)("%s explicit, no Docker: the guidance, blocking, and nothing elevated", (_, requests) => {
    const got = resolved(both, { requests, facts: noDocker })
    expect(got.findings).toHaveLength(1)
    expect(got.findings[0]).toMatchObject({
      code: "multi_backend_requires_docker",
      message: guidance,
      blocking: true,
    })
    expect(got.findings[0]?.fix).toContain("no daemon answers")
    expect(got.notices).toEqual([])
    expect(Object.values(got.runners).some(({ source }) => source === "multi_engine_elevation")).toBe(false)
  })

  test("all explicit: respected without Docker too, and mixed when modes differ", () => {
    const same = resolved(both, { requests: { flag: "local" }, facts: noDocker })
    expect([short(same), same.notices, same.findings]).toEqual([{ vllm: "local/flag", pytorch: "local/flag" }, [], []])
    const different = resolved(both, { requests: yaml({ vllm: "local", pytorch: "docker" }) })
    expect([codes(different.notices), different.findings]).toEqual([["mixed_runners"], []])
  })

  test("all explicit in Docker beside an endpoint: nothing is mixed", () => {
    const got = resolved([...both, "endpoint"], { requests: yaml({ vllm: "docker", pytorch: "docker" }) })
    expect([got.runners.endpoint?.mode, got.notices, got.findings]).toEqual(["local", [], []])
  })

  test("embedded counts; endpoint and an explicit slurm do not", () => {
    expect(short(resolved(["vllm", "embedded"]))).toEqual({
      vllm: "docker/multi_engine_elevation",
      embedded: "docker/multi_engine_elevation",
    })
    expect(short(resolved(["vllm", "endpoint"], { facts: noDocker }))).toEqual({
      vllm: "local/default",
      endpoint: "local/auto_detected",
    })
    const slurm = resolved(["vllm", "pytorch"], { requests: yaml({ vllm: "slurm" }), facts: noDocker })
    expect([short(slurm), slurm.findings]).toEqual([{ vllm: "slurm/yaml", pytorch: "local/default" }, []])
  })

  test("endpoint beside elevated backends stays local, is not named, and mixes nothing", () => {
    const got = resolved(["endpoint", "vllm", "pytorch"])
    expect(got.runners.endpoint?.mode).toBe("local")
    expect(got.notices.map(({ message }) => message)).toEqual([elevation])
  })
})

describe("Docker that was asked for and cannot be used", () => {
  test("blocks a single backend too, with the reason", () => {
    const [finding] = resolved(["vllm"], { requests: yaml({ vllm: "docker" }), facts: noDocker }).findings
    expect(finding).toMatchObject({ code: "docker_unavailable", blocking: true })
    expect(finding?.message).toContain("no daemon answers")
  })

  test("inside a container nothing says to install Docker", () => {
    const cases = [
      resolved(["vllm"], { requests: yaml({ vllm: "docker" }), facts: inContainer }),
      resolved(["vllm", "pytorch"], { facts: inContainer }),
      resolved(["vllm", "pytorch"], { requests: yaml({ vllm: "docker" }), facts: inContainer }),
    ]
    for (const { findings } of cases) {
      expect(new Set(codes(findings))).toEqual(new Set(["nested_container"]))
      expect(findings.every(({ blocking }) => blocking)).toBe(true)
      expect(JSON.stringify(findings)).not.toContain("Install")
    }
  })

  test("counts as unusable when the node's GPUs cannot be handed on, but only for those that use them", () => {
    const docker = { usable: true, reason: null, gpuReason: "no NVIDIA runtime is registered" }
    const withGpu = facts({ docker, gpus: [{ uuid: "GPU-a", name: "H100" }] })
    const asked = (backend: Backend) =>
      codes(resolved([backend], { requests: yaml({ [backend]: "docker" }), facts: withGpu }).findings)
    expect([asked("vllm"), asked("embedded")]).toEqual([["docker_gpu"], []])
    expect(short(resolved(["vllm"], { facts: withGpu }))).toEqual({ vllm: "local/default" })
    expect(short(resolved(["vllm"], { facts: facts({ docker }) }))).toEqual({ vllm: "docker/auto_detected" })
  })
})

describe("images", () => {
  const named = { env: { vllm: "e" }, file: { vllm: "f" }, userConfig: { vllm: "u" } }
  const imageWith = (over: Given["images"], requests: Partial<Requests> = {}) =>
    resolved(["vllm"], { images: { ...over }, requests }).runners.vllm?.image

  test("environment, file, user config, default; a runner's own image above all", () => {
    expect(imageWith(named, { flag: "docker:own" })).toBe("own")
    expect(imageWith(named)).toBe("e")
    expect(imageWith({ ...named, env: {} })).toBe("f")
    expect(imageWith({ userConfig: named.userConfig })).toBe("u")
    expect(imageWith({})).toBe(defaultImage("vllm"))
  })

  test("naming one makes no runner explicit", () => {
    const got = resolved(["vllm", "pytorch"], { images: named })
    expect(got.runners.vllm).toEqual({ mode: "docker", image: "e", source: "multi_engine_elevation" })
  })

  test("a local runner has none, and every default is pinned", () => {
    expect(resolved(["vllm"], { images: named, requests: { flag: "local" } }).runners.vllm?.image).toBeNull()
    for (const backend of Backend.literals.filter((one) => one !== "endpoint"))
      expect(defaultImage(backend)).toMatch(/^[^:@\s]+:(?!latest$)[\w.-]+$/)
  })
})

describe("what is no runner", () => {
  test.each(["docker:", "slurm:", "local:x", "podman", "", "Docker", "docker:a b"])("'%s'", (value) => {
    const [problem] = problems(["vllm"], { requests: yaml({ vllm: value }) })
    expect(problem).toMatchObject({ path: "runners.vllm", found: `'${value}'` })
    expect(problem?.allowed).toContain("docker:IMAGE")
  })

  test("every mistake is told, with its place, also below a stronger request", () => {
    const requests = { flag: "local", env: { vllm: "docker:" }, ...yaml({ pytorch: "podman" }) }
    expect(problems(["vllm", "pytorch"], { requests }).map(({ path }) => path)).toEqual([
      "LLEM_RUNNER_VLLM",
      "runners.pytorch",
    ])
  })

  test("an image may have a registry with a port, and a digest", () => {
    const image = `localhost:5000/a/b@sha256:${"0f".repeat(32)}`
    expect(resolved(["vllm"], { requests: { flag: `docker:${image}` } }).runners.vllm?.image).toBe(image)
  })

  test.each(["docker", "docker:x", "slurm"])("endpoint in %s", (value) => {
    expect(problems(["endpoint"], { requests: yaml({ endpoint: value }) })).toHaveLength(1)
    expect(problems(["endpoint", "vllm"], { requests: { flag: value } }).map(({ path }) => path)).toEqual(["--runner"])
  })
})

const Situation = Schema.Struct({
  backends: Schema.Array(Backend).check(Schema.isMinLength(1)),
  file: Schema.Record(Backend, Schema.Literals(["", "local", "docker", "slurm", "auto"])),
  docker: Schema.Boolean,
  inside: Schema.Boolean,
})
type Situation = typeof Situation.Type

const explicitOf = ({ file }: Situation, backend: Backend): string | null => {
  const value = file[backend]
  return value === "" || value === "auto" || backend === "endpoint" ? null : value
}

const ofSituation = (situation: Situation): Resolution =>
  resolved(situation.backends, {
    requests: yaml(
      Object.fromEntries(
        Backend.literals
          .filter((one) => one !== "endpoint" && situation.file[one] !== "")
          .map((one) => [one, situation.file[one]]),
      ),
    ),
    facts: facts({
      docker: { usable: situation.docker, reason: situation.docker ? null : "no daemon answers" },
      insideContainer: situation.inside,
    }),
  })

describe("in every situation", () => {
  const any = arbitraryOf(Situation)

  prop(
    "an explicit choice is never overridden",
    any,
    (one) => {
      const { runners } = ofSituation(one)
      return one.backends.every((backend) => {
        const choice = explicitOf(one, backend)
        return choice === null || (runners[backend]?.mode === choice && runners[backend]?.source === "yaml")
      })
    },
    500,
  )

  prop(
    "backends of a study of several that nobody decided on share one fate",
    any,
    (one) => {
      const { runners, findings } = ofSituation(one)
      const counted = [...new Set(one.backends)].filter(
        (backend) => backend !== "endpoint" && explicitOf(one, backend) !== "slurm",
      )
      const open = counted.filter((backend) => explicitOf(one, backend) === null)
      if (counted.length < 2 || open.length === 0) return true
      const elevated = open.every((backend) => runners[backend]?.source === "multi_engine_elevation")
      const refused = findings.some((finding) => finding.blocking)
      return one.docker && !one.inside ? elevated && !refused : refused && !elevated
    },
    500,
  )

  prop(
    "without a blocking finding nothing is put in a Docker that is not there",
    any,
    (one) => {
      const { runners, findings } = ofSituation(one)
      const inDocker = Object.values(runners).some(({ mode }) => mode === "docker")
      return !inDocker || (one.docker && !one.inside) || findings.some((finding) => finding.blocking)
    },
    500,
  )

  prop("the order in which backends are named changes nothing", any, (one) => {
    const reversed = ofSituation({ ...one, backends: one.backends.toReversed() })
    return Bun.deepEquals(ofSituation(one), { ...reversed, undecided: ofSituation(one).undecided })
  })
})
