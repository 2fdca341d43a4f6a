import { Option, Schema } from "effect"

/** The name that Docker Hub has in configuration files. */
export const dockerHub = "https://index.docker.io/v1/"

/** How an image's registry is logged in to. */
export type Credentials =
  | {
      readonly kind: "none"
      /** What keeps the configuration from being used; absent when it simply has nothing for this registry. */
      readonly problem?: string
    }
  | Inline
  | Identity
  | {
      readonly kind: "helper"
      /** The program that is asked, `docker-credential-<name>`. */
      readonly program: string
      readonly serverAddress: string
    }

interface Inline {
  readonly kind: "inline"
  readonly username: string
  readonly password: string
  readonly serverAddress: string
}

interface Identity {
  readonly kind: "identity"
  readonly identityToken: string
  readonly serverAddress: string
}

export interface Reference {
  /** Everything before the tag or digest, as written. */
  readonly name: string
  readonly tag: string | null
  readonly digest: string | null
}

/** The parts of an image reference `name[:tag][@digest]`. A colon before the last slash belongs to a port. */
export const parseReference = (reference: string): Reference => {
  const at = reference.indexOf("@")
  const digest = at < 0 ? null : reference.slice(at + 1)
  const rest = at < 0 ? reference : reference.slice(0, at)
  const colon = rest.lastIndexOf(":")
  return colon <= rest.lastIndexOf("/")
    ? { name: rest, tag: null, digest }
    : { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest }
}

const hubHosts: ReadonlyArray<string> = ["docker.io", "index.docker.io", "registry-1.docker.io"]

/**
 * The registry of an image reference, by the key that it has in config.json. The first segment is a host when it has a
 * dot or a colon, is `localhost` or has a capital letter; everything else is on Docker Hub.
 */
export const registryOf = (reference: string): string => {
  const { name } = parseReference(reference)
  const slash = name.indexOf("/")
  if (slash < 0) return dockerHub
  const first = name.slice(0, slash)
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase()
  return isHost && !hubHosts.includes(first.toLowerCase()) ? first : dockerHub
}

const Auth = Schema.Struct({
  auth: Schema.optionalKey(Schema.String),
  username: Schema.optionalKey(Schema.String),
  password: Schema.optionalKey(Schema.String),
  identitytoken: Schema.optionalKey(Schema.String),
})

const decodeConfig = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      auths: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))),
      credHelpers: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.String))),
      credsStore: Schema.optionalKey(Schema.NullOr(Schema.String)),
    }),
  ),
)

const decodeAuth = Schema.decodeUnknownOption(Auth)
const decodeBase64 = Schema.decodeUnknownOption(Schema.StringFromBase64)

/** Keys of older configurations carry a scheme and a path: only the host counts. */
const hostOf = (key: string): string => key.replace(/^https?:\/\//, "").replace(/\/.*$/, "")

const sameRegistry = (key: string, registry: string): boolean =>
  registry === dockerHub ? hubHosts.includes(hostOf(key)) : hostOf(key) === registry

/** The value under a registry's own key, else under one that means the same registry. */
const entryOf = <A>(entries: Readonly<Record<string, A>>, registry: string): { readonly value: A } | null => {
  const pairs = Object.entries(entries)
  const found = pairs.find(([key]) => key === registry) ?? pairs.find(([key]) => sameRegistry(key, registry)) ?? null
  return found === null ? null : { value: found[1] }
}

const none = (problem: string): Credentials => ({ kind: "none", problem })

const helper = (name: string, serverAddress: string): Credentials =>
  /^[\w.-]+$/.test(name)
    ? { kind: "helper", program: `docker-credential-${name}`, serverAddress }
    : none(`Docker's config.json names a credential helper for ${serverAddress} that is no name of a program`)

/** Credentials of one entry of `auths`; null for an entry without content, which says that a store has them. */
const written = (entry: unknown, serverAddress: string): Credentials | null => {
  const bad = none(`what Docker's config.json has for ${serverAddress} cannot be understood; log in again`)
  const decoded = decodeAuth(entry)
  if (Option.isNone(decoded)) return bad
  const { auth, username, password, identitytoken } = decoded.value
  if (identitytoken !== undefined && identitytoken !== "")
    return { kind: "identity", identityToken: identitytoken, serverAddress }
  if (auth !== undefined && auth !== "") {
    const text = Option.getOrElse(decodeBase64(auth), () => "")
    const colon = text.indexOf(":")
    if (colon < 1) return bad
    // Configurations of old versions end in zero bytes; the docker command takes them away too.
    const secret = text.slice(colon + 1).replace(/^\0+|\0+$/g, "")
    return { kind: "inline", username: text.slice(0, colon), password: secret, serverAddress }
  }
  return username !== undefined && username !== "" && password !== undefined
    ? { kind: "inline", username, password, serverAddress }
    : null
}

/**
 * How to log in to the registry of an image, from the text of config.json: the registry's own helper, else what stands
 * under `auths`, else the store for all registries. Helpers are not asked here, and no secret is in a problem.
 */
export const credentialsFor = (configText: string, reference: string): Credentials => {
  const config = decodeConfig(configText)
  if (Option.isNone(config)) return none("Docker's config.json cannot be understood")
  const { auths, credHelpers, credsStore } = config.value
  const registry = registryOf(reference)
  const own = entryOf(credHelpers ?? {}, registry)
  if (own !== null && own.value !== "") return helper(own.value, registry)
  const entry = entryOf(auths ?? {}, registry)
  const inline = entry === null ? null : written(entry.value, registry)
  if (inline !== null) return inline
  return credsStore === undefined || credsStore === null || credsStore === ""
    ? { kind: "none" }
    : helper(credsStore, registry)
}

const decodeAnswer = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      ServerURL: Schema.optionalKey(Schema.String),
      Username: Schema.String,
      Secret: Schema.String,
    }),
  ),
)

/** Credentials that need no more asking. */
export type Answer = Exclude<Credentials, { readonly kind: "helper" }>

/** What a helper answered on its standard output. The user name `<token>` says that the secret is an identity token. */
export const fromHelper = (stdout: string, serverAddress: string): Answer =>
  Option.match(decodeAnswer(stdout), {
    onNone: () => ({
      kind: "none",
      problem: `the answer of the credential helper for ${serverAddress} is no JSON with a Username and a Secret`,
    }),
    onSome: ({ Username, Secret }) => {
      if (Username === "" || Secret === "")
        return { kind: "none", problem: `the credential helper for ${serverAddress} has an empty Username or Secret` }
      if (Username === "<token>") return { kind: "identity", identityToken: Secret, serverAddress }
      return { kind: "inline", username: Username, password: Secret, serverAddress }
    },
  })
