import { Effect, Option } from "effect"
import { ask, readText } from "../platform/dockerConfig.ts"
import { findCommand } from "../platform/probes.ts"
import * as Credentials from "./Credentials.ts"
import type { RegistryAuth } from "./Docker.ts"
import * as Place from "./Place.ts"

/** How a pull logs in: `auth` is null for an anonymous one. */
export interface Login {
  readonly auth: RegistryAuth | null
  /** Why credentials that are configured cannot be used; null when there are none, or when they are in `auth`. */
  readonly reason: string | null
}

const anonymous: Login = { auth: null, reason: null }
const unusable = (reason: string): Login => ({ auth: null, reason })

const loginOf = (answer: Credentials.Answer): Login => {
  switch (answer.kind) {
    case "none":
      return answer.problem === undefined ? anonymous : unusable(answer.problem)
    case "inline": {
      const { username, password, serverAddress } = answer
      return { auth: { username, password, serverAddress }, reason: null }
    }
    case "identity": {
      const { identityToken, serverAddress } = answer
      return { auth: { identityToken, serverAddress }, reason: null }
    }
  }
}

/** What helpers answer, on standard output and with exit code 1, when they have nothing: a pull is then anonymous. */
const nothingStored = /credentials not found/i

const askHelper = Effect.fnUntraced(function* (
  program: string,
  serverAddress: string,
  variables: Place.Variables,
  limitSeconds: number,
) {
  const found = yield* Effect.promise(() => findCommand(program, variables["PATH"] ?? ""))
  if (found === null) return unusable(`Docker's config.json names ${program}, which is not on PATH`)
  const reply = yield* Effect.promise((signal) => ask([found, "get"], serverAddress, variables, signal)).pipe(
    Effect.timeoutOption(`${limitSeconds} seconds`),
  )
  if (Option.isNone(reply)) return unusable(`${program} did not answer within ${limitSeconds} seconds`)
  if (reply.value === null) return unusable(`${program} could not be started`)
  const { code, stdout } = reply.value
  if (code === 0) return loginOf(Credentials.fromHelper(stdout, serverAddress))
  if (nothingStored.test(stdout)) return anonymous
  return unusable(
    code === null ? `${program} was ended by a signal` : `${program} ended with exit code ${code} for ${serverAddress}`,
  )
})

/** How to log in to the registry of an image, as the docker command of this user would. Never fails. */
export const loginFor = Effect.fn("docker.loginFor")(function* (
  reference: string,
  variables: Place.Variables,
  limitSeconds = 10,
) {
  const folder = Place.configFolder(variables)
  if (folder === null) return anonymous
  const config = readText(`${folder}/config.json`)
  if ("problem" in config) return unusable(config.problem)
  if (config.text === null) return anonymous
  const credentials = Credentials.credentialsFor(config.text, reference)
  return credentials.kind === "helper"
    ? yield* askHelper(credentials.program, credentials.serverAddress, variables, limitSeconds)
    : loginOf(credentials)
})
