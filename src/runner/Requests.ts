import { Result } from "effect"
import * as Config from "../config/ConfigError.ts"
import { type ConfigError, type Problem, problem } from "../config/ConfigError.ts"
import type { Backend } from "../domain/Backend.ts"
import { parseRequest, type RunnerRequest, type RunnerSource, runnerValues } from "../domain/RunnerSpec.ts"
import type { RunnerRequests } from "../domain/Study.ts"

/** Everything that was asked about runners, as written, from the strongest to the weakest. */
export interface Requests {
  /** `--runner V`: every backend. */
  readonly flag: string | null
  /** `LLEM_RUNNER_<BACKEND>`. */
  readonly env: Readonly<Partial<Record<Backend, string>>>
  readonly file: RunnerRequests
  readonly userConfig: RunnerRequests
}

/** The strongest request for one backend. */
export interface Decision {
  readonly request: RunnerRequest
  readonly source: RunnerSource
}

interface Written {
  readonly source: RunnerSource
  readonly where: string
  readonly value: string
}

const inFile = (requests: RunnerRequests, backend: Backend, source: RunnerSource): ReadonlyArray<Written> => {
  const one = requests.byBackend[backend]
  if (one !== undefined) return [{ source, where: `runners.${backend}`, value: one }]
  return requests.all === null ? [] : [{ source, where: "runner", value: requests.all }]
}

/** What was written for a backend, strongest first. */
const written = (requests: Requests, backend: Backend): ReadonlyArray<Written> => {
  const env = requests.env[backend]
  return [
    ...(requests.flag === null ? [] : [{ source: "flag", where: "--runner", value: requests.flag } as const]),
    ...(env === undefined
      ? []
      : [{ source: "env", where: `LLEM_RUNNER_${backend.toUpperCase()}`, value: env } as const]),
    ...inFile(requests.file, backend, "yaml"),
    ...inFile(requests.userConfig, backend, "user_config"),
  ]
}

const place = ({ source, where }: Written): Partial<Problem> => ({
  path: where,
  ...(source === "user_config" ? { file: "the user config" } : {}),
})

const misread = (one: Written): ReadonlyArray<Problem> =>
  Result.match(parseRequest(one.value), {
    onSuccess: () => [],
    onFailure: (message) => [problem(message, { ...place(one), found: `'${one.value}'`, allowed: runnerValues })],
  })

const both = (requests: Requests): ReadonlyArray<Problem> =>
  [requests.file, requests.userConfig].flatMap((file, position) =>
    file.all !== null && Object.keys(file.byBackend).length > 0
      ? [
          problem(
            "runner and runners stand side by side; write runner: V for every backend, or runners: {backend: V}",
            {
              path: "runner",
              ...(position === 1 ? { file: "the user config" } : {}),
            },
          ),
        ]
      : [],
  )

const endpointElsewhere = (one: Written, decision: Decision): ReadonlyArray<Problem> => {
  const { request } = decision
  if (request.kind === "auto" || request.mode === "local") return []
  return [
    problem(
      `endpoint is a server that runs already: it cannot be put in ${request.mode}. Ask for ${request.mode} by backend (runners: {backend: ${request.mode}}), without endpoint`,
      {
        ...place(one),
        found: `'${one.value}'`,
        allowed: ["local", "auto"],
      },
    ),
  ]
}

const distinct = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> => [
  ...new Map(problems.map((one) => [`${one.file} ${one.path} ${one.message}`, one])).values(),
]

/**
 * The request that decides for each backend; backends of which nobody said anything are absent. Fails with everything
 * that is wrong in any request for these backends, also in one that a stronger request overrides.
 */
export const decide = (
  backends: ReadonlyArray<Backend>,
  requests: Requests,
): Result.Result<ReadonlyMap<Backend, Decision>, ConfigError> => {
  const problems: Array<Problem> = [...both(requests)]
  const decisions = new Map<Backend, Decision>()
  for (const backend of backends) {
    const all = written(requests, backend)
    problems.push(...all.flatMap(misread))
    const [strongest] = all
    if (strongest === undefined) continue
    const request = parseRequest(strongest.value)
    if (Result.isFailure(request)) continue
    const decision = { request: request.success, source: strongest.source }
    decisions.set(backend, decision)
    if (backend === "endpoint") problems.push(...endpointElsewhere(strongest, decision))
  }
  return problems.length > 0
    ? Result.fail(new Config.ConfigError({ problems: distinct(problems) }))
    : Result.succeed(decisions)
}
