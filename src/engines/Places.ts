import type { Unsupported } from "./Engine.ts"

/** Where a field of a study goes in an engine's interface. */
export type Place =
  | { readonly to: "flag" | "body" | "file"; readonly name: string }
  | { readonly to: "cannot"; readonly why: string; readonly unless: string | number | boolean | null }

/** Places of fields, by their paths in the study file. */
export type Places = Readonly<Record<string, Place>>

/** A flag of the command line, by its long name without the dashes. */
export const flag = (name: string): Place => ({ to: "flag", name })

/** A field of every request. */
export const body = (name: string): Place => ({ to: "body", name })

/** A field of the engine's own configuration file. */
export const file = (name: string): Place => ({ to: "file", name })

/** Nothing that the engine can do, except with the value `unless`, which asks for nothing. */
export const cannot = (why: string, unless: string | number | boolean | null = null): Place => ({
  to: "cannot",
  why,
  unless,
})

/** Fields of requests that servers of this protocol call by the same names. */
export const ofRequests: Places = {
  max_output_tokens: body("max_tokens"),
  "decoder.temperature": body("temperature"),
  "decoder.top_k": body("top_k"),
  "decoder.top_p": body("top_p"),
  "decoder.min_p": body("min_p"),
  "decoder.repetition_penalty": body("repetition_penalty"),
  "decoder.min_new_tokens": body("min_tokens"),
}

/** What no server does with an adapter. */
export const ofAdapters: Places = {
  "lora.adapter_id": cannot("no engine downloads adapters"),
  "lora.merge_weights": cannot("it applies adapters beside the weights and merges none", false),
}

/** One field with the name that the engine knows it by. */
export interface Setting {
  readonly field: string
  readonly name: string
  readonly value: unknown
}

/** The fields of a section by where they go. */
export interface Sorted {
  readonly flags: ReadonlyArray<Setting>
  readonly body: ReadonlyArray<Setting>
  readonly file: ReadonlyArray<Setting>
  readonly refused: ReadonlyArray<Unsupported>
}

/** Sorts a section's fields; one that has no place in the table goes to `otherwise` under its own name. */
export const sort = (
  section: Readonly<Record<string, unknown>>,
  path: string,
  places: Places,
  otherwise: "flag" | "body" | "file",
): Sorted => {
  const placed = Object.entries(section).map(([key, value]) => {
    const field = `${path}.${key}`
    const place = Object.hasOwn(places, field) ? places[field] : undefined
    return { field, value, place: place ?? ({ to: otherwise, name: key } satisfies Place) }
  })
  const goingTo = (to: "flag" | "body" | "file"): ReadonlyArray<Setting> =>
    placed.flatMap(({ field, value, place }) => (place.to === to ? [{ field, name: place.name, value }] : []))
  return {
    flags: goingTo("flag"),
    body: goingTo("body"),
    file: goingTo("file"),
    refused: placed.flatMap(({ field, value, place }) =>
      place.to === "cannot" && value !== place.unless ? [{ field, message: place.why }] : [],
    ),
  }
}

/** Settings as an object. */
export const toRecord = (settings: ReadonlyArray<Setting>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(settings.map(({ name, value }) => [name, value]))
