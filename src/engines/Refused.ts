import type { Unsupported } from "./Engine.ts"

/** A field that an engine cannot honour under a condition; empty when it can. */
export const refuse = (condition: boolean, field: string, message: string): ReadonlyArray<Unsupported> =>
  condition ? [{ field, message }] : []

/** Why an engine's option may not be handed on: another field of the study is for it. */
export const elsewhere = (where: string): string => `set ${where} instead`

/** The same for what every launch has already. */
export const own = "llem sets it itself"

/** The same for what would put the server out of reach. */
export const unreachable = "llem could not reach or read the server then"

/** The same for a token of the hub. */
export const secret = "a secret does not belong into a study; set the environment variable HF_TOKEN"

/** The same for what is said by each request. */
export const withEachRequest = "llem sends it with every request, from decoder"
