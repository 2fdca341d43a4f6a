import { Effect, Layer } from "effect"
import { DockerError } from "../domain/Failure.ts"
import { namesIn, readText } from "../platform/dockerConfig.ts"
import { type SocketProblem, socketProblem } from "../platform/probes.ts"
import * as Absent from "./absent.ts"
import type { Docker } from "./Docker.ts"
import { type Connection, layer as overHttp } from "./dockerode.ts"
import * as Place from "./Place.ts"

/** The daemon of this node as a connection, or why there is none. */
export type Found =
  | { readonly kind: "found"; readonly connection: Connection; readonly where: string; readonly overNetwork: boolean }
  | { readonly kind: "unusable"; readonly code: string; readonly reason: string }

const fileText = (path: string | null): string | undefined => {
  if (path === null) return undefined
  const read = readText(path)
  return "text" in read && read.text !== null ? read.text : undefined
}

const placeOf = (variables: Place.Variables): Place.Place => {
  const folder = Place.configFolder(variables)
  const text = (path: string): string | null => (folder === null ? null : (fileText(`${folder}/${path}`) ?? null))
  return Place.place({
    variables,
    configText: text("config.json"),
    context: (name) => {
      const files = Place.contextFiles(name)
      const meta = text(files.meta)
      return meta === null ? null : { meta, tlsFiles: namesIn(`${folder}/${files.tls}`) }
    },
  })
}

const refused = (path: string, source: string, problem: SocketProblem): Found => {
  switch (problem) {
    case "missing":
      return {
        kind: "unusable",
        code: "docker_unavailable",
        reason: `there is no Docker socket at ${path} (${source})`,
      }
    case "permission":
      return { kind: "unusable", code: "docker_permission", reason: `this user may not use the Docker socket ${path}` }
    case "other":
      return { kind: "unusable", code: "docker_unavailable", reason: `${path} is not a socket that can be used` }
  }
}

const socket = async (path: string, source: string): Promise<Found> => {
  const problem = await socketProblem(path)
  if (problem !== null) return refused(path, source, problem)
  return { kind: "found", connection: { socketPath: path }, where: `${path} (${source})`, overNetwork: false }
}

const certificate = (name: "ca" | "cert" | "key", path: string | null) => {
  const text = fileText(path)
  return text === undefined ? {} : { [name]: text }
}

/** Looks for the daemon as the docker command would: a socket that this user may use before one that it may not. */
export const find = async (variables: Place.Variables): Promise<Found> => {
  const place = placeOf(variables)
  if (place.kind === "unusable") return place
  if (place.kind === "tcp") {
    const { host, port, tls, source } = place
    const secure =
      tls === null
        ? {}
        : {
            ...certificate("ca", tls.caFile),
            ...certificate("cert", tls.certFile),
            ...certificate("key", tls.keyFile),
            verify: tls.verify,
          }
    return {
      kind: "found",
      connection: { host, port, protocol: tls === null ? "http" : "https", ...secure },
      where: `${host}:${port} (${source})`,
      overNetwork: true,
    }
  }
  const all = await Promise.all(place.paths.map((path) => socket(path, place.source)))
  return (
    all.find((one) => one.kind === "found") ??
    all.find((one) => one.kind === "unusable" && one.code === "docker_permission") ??
    all[0] ?? { kind: "unusable", code: "docker_unavailable", reason: `${place.source} names no Docker socket` }
  )
}

const error = ({ code, reason }: Extract<Found, { kind: "unusable" }>): DockerError =>
  new DockerError({
    reason: code === "docker_permission" ? "permission" : code === "docker_remote" ? "remote" : "daemon",
    message: `Docker cannot be used: ${reason}`,
    fix: "llem doctor shows what is wrong and what to do about it.",
    details: { code },
  })

/** The daemon that was found, or one whose every answer is the reason why there is none. */
export const over = (found: Found): Layer.Layer<Docker> =>
  found.kind === "found" ? overHttp(found.connection) : Absent.layer(error(found))

/** The daemon of this node. */
export const layer = (variables: Place.Variables): Layer.Layer<Docker> =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => find(variables)),
      over,
    ),
  )
