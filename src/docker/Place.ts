import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import { Option, Schema } from "effect"

/** How a daemon behind TLS is reached. A file that is named but not there is left out by whoever connects. */
export interface PlaceTls {
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
  /** false: whatever certificate the daemon shows is taken. */
  readonly verify: boolean
}

/** Where the Docker daemon is, with what named it, or why none can be used. */
export type Place =
  | { readonly kind: "sockets"; readonly paths: ReadonlyArray<string>; readonly source: string }
  | {
      readonly kind: "tcp"
      readonly host: string
      readonly port: number
      readonly tls: PlaceTls | null
      readonly source: string
    }
  | {
      readonly kind: "unusable"
      readonly code: "docker_remote" | "docker_unavailable"
      readonly reason: string
    }

export type Variables = Readonly<Record<string, string | undefined>>

/** A context as it lies on disk. */
export interface StoredContext {
  /** The text of its meta.json. */
  readonly meta: string
  /** Names of the files in its TLS folder: some of ca.pem, cert.pem and key.pem. */
  readonly tlsFiles: ReadonlyArray<string>
}

export interface PlaceInput {
  readonly variables: Variables
  /** The text of config.json in the Docker configuration folder; null when there is none. */
  readonly configText: string | null
  /** A context by name; null when it is not there. Asked for at most once. */
  readonly context: (name: string) => StoredContext | null
}

const unusable = (reason: string): Place => ({ kind: "unusable", code: "docker_unavailable", reason })

const set = (variables: Variables, name: string): string | null => {
  const value = variables[name]?.trim()
  return value === undefined || value === "" ? null : value
}

/** The folder of Docker's client configuration: `DOCKER_CONFIG`, or `.docker` in the home directory; null without both. */
export const configFolder = (variables: Variables): string | null => {
  const home = set(variables, "HOME")
  return set(variables, "DOCKER_CONFIG") ?? (home === null ? null : `${home}/.docker`)
}

/** Where a context's description and its TLS files lie, relative to the configuration folder. */
export const contextFiles = (name: string): { readonly meta: string; readonly tls: string } => {
  const id = bytesToHex(sha256(utf8ToBytes(name)))
  return { meta: `contexts/meta/${id}/meta.json`, tls: `contexts/tls/${id}/docker` }
}

/** An address without the password that it may carry. */
const shown = (address: string): string => address.replace(/^((?:[^/]*\/\/)?[^:@/]*):(?!\/\/).*@/, "$1:***@")

const expected = "it must be unix:///path/to/docker.sock or tcp://host:port"

const hostAndPort = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([\w.-]*))(?::(\d*))?\/?$/

const tcp = (rest: string, address: string, tls: PlaceTls | null, source: string): Place => {
  const match = hostAndPort.exec(rest)
  if (match === null) {
    if (/^[0-9a-fA-F:.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*$/.test(rest))
      return unusable(`${source} is ${address}; an IPv6 address needs brackets, as in tcp://[::1]:2375`)
    return unusable(`${source} is ${shown(address)}, which is no address of a Docker daemon; ${expected}`)
  }
  const [, bracketed, plain, digits] = match
  const port = digits === undefined || digits === "" ? (tls === null ? 2375 : 2376) : Number(digits)
  if (port < 1 || port > 65_535)
    return unusable(`${source} is ${address}; its port ${digits} is not between 1 and 65535`)
  return { kind: "tcp", host: bracketed ?? (plain || "localhost"), port, tls, source }
}

/** The place that an address names. `tls` is what holds for every address, `secure` what holds for https. */
const placeAt = (address: string, tls: PlaceTls | null, secure: PlaceTls, source: string): Place => {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(address)
  const scheme = match?.[1]?.toLowerCase() ?? "tcp"
  const rest = match?.[2] ?? address
  switch (scheme) {
    case "unix":
      if (rest === "") return { kind: "sockets", paths: ["/var/run/docker.sock"], source }
      return rest.startsWith("/")
        ? { kind: "sockets", paths: [rest], source }
        : unusable(`${source} is ${address}; the path of a socket must be absolute, as in unix:///${rest}`)
    case "ssh":
      return {
        kind: "unusable",
        code: "docker_remote",
        reason: `${source} is ${shown(address)}, a daemon behind SSH; run llem on that node, or name a daemon by unix:// or tcp://`,
      }
    case "npipe":
      return {
        kind: "unusable",
        code: "docker_remote",
        reason: `${source} is ${address}, a named pipe of Windows; run llem where the daemon has a unix socket, or name a daemon by tcp://`,
      }
    case "tcp":
    case "http":
      return match === null && rest.startsWith("/")
        ? unusable(`${source} is ${address}, a path without a scheme; write unix://${rest}`)
        : tcp(rest, address, tls, source)
    case "https":
      return tcp(rest, address, tls ?? secure, source)
    default:
      return unusable(`${source} is ${shown(address)}; ${scheme}:// is not understood, ${expected}`)
  }
}

const fromHost = (variables: Variables, address: string): Place => {
  const folder = set(variables, "DOCKER_CERT_PATH") ?? configFolder(variables)
  const file = (name: string): string | null => (folder === null ? null : `${folder}/${name}`)
  const files: PlaceTls = {
    caFile: file("ca.pem"),
    certFile: file("cert.pem"),
    keyFile: file("key.pem"),
    verify: true,
  }
  const noFiles: PlaceTls = { caFile: null, certFile: null, keyFile: null, verify: true }
  // Any value counts, also "0": so it is for the docker command.
  const tls = set(variables, "DOCKER_TLS_VERIFY") === null ? null : files
  const secure = set(variables, "DOCKER_CERT_PATH") === null ? noFiles : files
  return placeAt(address, tls, secure, "DOCKER_HOST")
}

const decodeMeta = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      Endpoints: Schema.Struct({
        docker: Schema.Struct({
          Host: Schema.NonEmptyString,
          SkipTLSVerify: Schema.optionalKey(Schema.Boolean),
        }),
      }),
    }),
  ),
)

const fromContext = (input: PlaceInput, name: string, namedBy: string): Place => {
  const source = `docker context ${name}`
  const folder = configFolder(input.variables)
  if (folder === null)
    return unusable(`${namedBy} names the ${source}, but neither DOCKER_CONFIG nor HOME says where contexts are kept`)
  const stored = input.context(name)
  const { meta, tls } = contextFiles(name)
  if (stored === null)
    return unusable(`${namedBy} names the ${source}, which does not exist; docker context ls shows those that do`)
  return Option.match(decodeMeta(stored.meta), {
    onNone: () => unusable(`the ${source} names no Docker daemon; look at ${folder}/${meta}`),
    onSome: ({ Endpoints: { docker } }) => {
      const skip = docker.SkipTLSVerify === true
      const file = (wanted: string): string | null =>
        stored.tlsFiles.includes(wanted) ? `${folder}/${tls}/${wanted}` : null
      const files: PlaceTls = {
        caFile: file("ca.pem"),
        certFile: file("cert.pem"),
        keyFile: file("key.pem"),
        verify: !skip,
      }
      const encrypted = skip || files.caFile !== null || files.certFile !== null || files.keyFile !== null
      return placeAt(docker.Host.trim(), encrypted ? files : null, files, source)
    },
  })
}

const decodeConfig = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ currentContext: Schema.optionalKey(Schema.String) })),
)

const defaults = (variables: Variables, source: string): Place => {
  const runtime = set(variables, "XDG_RUNTIME_DIR")
  const home = set(variables, "HOME")
  return {
    kind: "sockets",
    paths: [
      "/var/run/docker.sock",
      ...(runtime === null ? [] : [`${runtime}/docker.sock`]),
      ...(home === null ? [] : [`${home}/.docker/run/docker.sock`]),
    ],
    source,
  }
}

/**
 * Where the Docker daemon is, by the rules of the docker command: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the current
 * context of config.json, then the sockets that a daemon has by default: the system's first, then this user's own.
 */
export const place = (input: PlaceInput): Place => {
  const { variables, configText } = input
  const host = set(variables, "DOCKER_HOST")
  if (host !== null) return fromHost(variables, host)
  const named = set(variables, "DOCKER_CONTEXT")
  if (named === "default") return defaults(variables, "DOCKER_CONTEXT")
  if (named !== null) return fromContext(input, named, "DOCKER_CONTEXT")
  if (configText === null) return defaults(variables, "the default")
  return Option.match(decodeConfig(configText), {
    onNone: () => defaults(variables, "the default, as Docker's config.json cannot be understood"),
    onSome: ({ currentContext }) =>
      currentContext === undefined || currentContext === "" || currentContext === "default"
        ? defaults(variables, "the default")
        : fromContext(input, currentContext, "Docker's config.json"),
  })
}
