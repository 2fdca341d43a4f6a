import { Option, Schema } from "effect"
import type { DockerFacts } from "../domain/NodeFacts.ts"
import type { SocketProblem } from "../platform/probes.ts"

/** Where the Docker daemon should be looked for, or why it cannot be used. */
export type DockerPlace =
  | { readonly kind: "sockets"; readonly paths: ReadonlyArray<string> }
  | { readonly kind: "unusable"; readonly facts: DockerFacts }

const unusable = (code: string, reason: string): DockerFacts => ({ usable: false, code, reason })

/** The sockets to try, from `DOCKER_HOST` and `XDG_RUNTIME_DIR`: the system's daemon first, then this user's own. */
export const place = (variables: Readonly<Record<string, string | undefined>>): DockerPlace => {
  const host = variables["DOCKER_HOST"]
  if (host === undefined || host === "") {
    const runtime = variables["XDG_RUNTIME_DIR"]
    const own = runtime === undefined || runtime === "" ? [] : [`${runtime}/docker.sock`]
    return { kind: "sockets", paths: ["/var/run/docker.sock", ...own] }
  }
  if (host.startsWith("unix://")) return { kind: "sockets", paths: [host.slice("unix://".length)] }
  return {
    kind: "unusable",
    facts: unusable(
      "docker_remote",
      `DOCKER_HOST is ${host}, which may lead to another node; only a daemon on a unix socket is used`,
    ),
  }
}

/** What a socket that cannot be used says of Docker. */
export const refused = (path: string, problem: SocketProblem): DockerFacts => {
  switch (problem) {
    case "missing":
      return unusable("docker_unavailable", `there is no Docker socket at ${path}`)
    case "permission":
      return unusable("docker_permission", `this user may not use the Docker socket ${path}`)
    case "other":
      return unusable("docker_unavailable", `${path} is not a socket that can be used`)
  }
}

export interface Answers {
  readonly ping: { readonly status: number; readonly body: string } | null
  readonly version: { readonly status: number; readonly body: string } | null
}

const decodeVersion = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ Version: Schema.String })))

/** What a daemon's answers to /_ping and /version say of it. */
export const judged = (path: string, { ping, version }: Answers): DockerFacts => {
  if (ping === null) return unusable("docker_unavailable", `no daemon answers on ${path}`)
  if (ping.status !== 200)
    return unusable("docker_unavailable", `the daemon on ${path} answers /_ping with status ${ping.status}`)
  const named = version?.status === 200 ? decodeVersion(version.body) : Option.none()
  return Option.match(named, {
    onNone: () => unusable("docker_unavailable", `the daemon on ${path} does not tell its version`),
    onSome: ({ Version }) => ({ usable: true, reason: null, version: Version }),
  })
}
