import { Result } from "effect"
import type { ConfigError } from "../config/ConfigError.ts"
import type { Backend } from "../domain/Backend.ts"
import type { DockerFacts, NodeFacts } from "../domain/NodeFacts.ts"
import type { Finding, Notice } from "../domain/Notice.ts"
import type { Resolution, RunnerMode, RunnerSource, RunnerSpec } from "../domain/RunnerSpec.ts"
import { imageOf, type NamedImages } from "./Images.ts"
import { gpuByDefault } from "./Placements.ts"
import { type Decision, decide, type Requests } from "./Requests.ts"
import * as Texts from "./Texts.ts"

export interface ResolveInput {
  readonly backends: ReadonlyArray<Backend>
  readonly requests: Requests
  readonly images: NamedImages
  readonly facts: NodeFacts
  /** Whether a backend would use this node's GPUs; absent: all but `embedded` and `endpoint`. */
  readonly usesGpu?: (backend: Backend) => boolean
}

/** Whether Docker can run a backend here, with the node's GPUs where it would use them. */
export const dockerUsable = ({ docker, gpus }: NodeFacts, backend: Backend): boolean =>
  docker.usable && (gpus.length === 0 || !gpuByDefault(backend) || (docker.gpuReason ?? null) === null)

interface Explicit {
  readonly mode: RunnerMode
  readonly image: string | null
  readonly source: RunnerSource
}

/** A choice that nothing may override; null where detection decides. */
const explicitOf = (decision: Decision | undefined): Explicit | null =>
  decision === undefined || decision.request.kind === "auto"
    ? null
    : { mode: decision.request.mode, image: decision.request.image, source: decision.source }

/** Docker as it is for these backends: unusable too when the node's GPUs cannot be handed to one that would use them. */
const dockerFor = (input: ResolveInput, backends: ReadonlyArray<Backend>): DockerFacts => {
  const { docker, gpus } = input.facts
  const gpuReason = docker.gpuReason ?? null
  const wanting = backends.some(input.usesGpu ?? gpuByDefault)
  return docker.usable && gpus.length > 0 && wanting && gpuReason !== null
    ? { ...docker, usable: false, code: "docker_gpu", reason: gpuReason }
    : docker
}

const spec = (input: ResolveInput, backend: Backend, how: Explicit): RunnerSpec => {
  const image = how.image ?? (how.mode === "docker" ? imageOf(backend, input.images) : null)
  return { mode: how.mode, image, source: how.source }
}

const undetected: Explicit = { mode: "local", image: null, source: "default" }

const detected = (input: ResolveInput, backend: Backend): Explicit => {
  if (backend === "embedded" || backend === "endpoint") return { mode: "local", image: null, source: "auto_detected" }
  return !input.facts.insideContainer && dockerFor(input, [backend]).usable
    ? { mode: "docker", image: null, source: "auto_detected" }
    : undetected
}

const elevated: Explicit = { mode: "docker", image: null, source: "multi_engine_elevation" }

/** What stands against an explicit docker; backends without a hindrance have none. */
const explicitFindings = (input: ResolveInput, asked: ReadonlyArray<Backend>): ReadonlyArray<Finding> => {
  if (asked.length === 0) return []
  if (input.facts.insideContainer) return [Texts.nestedAsked(asked)]
  const hindered = asked.filter((backend) => !dockerFor(input, [backend]).usable)
  return hindered.length === 0 ? [] : [Texts.dockerUnusable(hindered, dockerFor(input, hindered))]
}

const modesDiffer = (chosen: ReadonlyMap<Backend, Explicit>): boolean =>
  new Set([...chosen].flatMap(([backend, how]) => (backend === "endpoint" ? [] : [how.mode]))).size > 1

const resolved = (input: ResolveInput, decisions: ReadonlyMap<Backend, Decision>): Resolution => {
  const backends = [...new Set(input.backends)]
  const explicit = new Map(
    backends.flatMap((backend) => {
      const how = explicitOf(decisions.get(backend))
      return how === null ? [] : [[backend, how] as const]
    }),
  )
  const counted = backends.filter((one) => one !== "endpoint" && explicit.get(one)?.mode !== "slurm")
  const several = counted.length >= 2
  const open = several ? counted.filter((one) => !explicit.has(one)) : []
  const docker = dockerFor(input, open)
  const canElevate = !input.facts.insideContainer && docker.usable
  const asked = backends.filter((one) => explicit.get(one)?.mode === "docker")

  const chosen = new Map(
    backends.map((backend): readonly [Backend, Explicit] => {
      const how = explicit.get(backend)
      if (how !== undefined) return [backend, how]
      if (!open.includes(backend)) return [backend, detected(input, backend)]
      return [backend, canElevate ? elevated : undetected]
    }),
  )

  const findings = [...explicitFindings(input, asked)]
  const notices: Array<Notice> = []
  if (open.length > 0 && input.facts.insideContainer) findings.push(Texts.nestedElevation(counted))
  else if (open.length > 0 && !canElevate) findings.push(Texts.requiresDocker(counted, docker))
  else if (several && open.length === counted.length) notices.push(Texts.autoElevated(counted))
  else if (several && modesDiffer(chosen)) notices.push(Texts.mixedRunners)

  return {
    runners: Object.fromEntries([...chosen].map(([backend, how]) => [backend, spec(input, backend, how)])),
    notices,
    findings,
    undecided: canElevate ? [] : open,
  }
}

/**
 * Where each backend of a study runs. Precedence per backend: flag, environment, file, user config, detection; `auto`
 * at any of them means detection. Backends of a study of several that nobody decided on share one fate: all in Docker,
 * or a blocking finding. Fails when a request itself is wrong.
 */
export const resolve = (input: ResolveInput): Result.Result<Resolution, ConfigError> =>
  Result.map(decide(input.backends, input.requests), (decisions) => resolved(input, decisions))
