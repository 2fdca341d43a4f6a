/** A llama-architecture transformer with random weights: the size of a real model, nothing of its knowledge. */
export interface Shape {
  readonly name: string
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly feedForward: number
  readonly vocabularySize: number
  readonly contextLength: number
  /** Whether the output projection is the token embedding. */
  readonly tied: boolean
}

export type Quantisation = "F16" | "Q8_0" | "Q4_0"

const shape = (
  name: string,
  width: number,
  layers: number,
  heads: number,
  keyValueHeads: number,
  feedForward: number,
  tied: boolean,
): Shape => ({
  name,
  width,
  layers,
  heads,
  keyValueHeads,
  feedForward,
  vocabularySize: 32_000,
  contextLength: 8192,
  tied,
})

export const shapes = {
  "15m": shape("synthetic-15m", 288, 6, 6, 6, 768, true),
  "110m": shape("synthetic-110m", 768, 12, 12, 12, 2048, true),
  "1b": shape("synthetic-1b", 2048, 22, 32, 4, 5632, false),
} as const

/** A synthetic model by its parts. */
export interface SyntheticModel {
  /** Its canonical name, e.g. `synthetic:15m-q4_0`. */
  readonly name: string
  readonly shape: Shape
  readonly quantisation: Quantisation
}

const quantisations = { q4_0: "Q4_0", q8_0: "Q8_0", f16: "F16" } as const

/** What `synthetic:` may be followed by. */
export const allowed: ReadonlyArray<string> = Object.keys(shapes).flatMap((size) => [
  size,
  ...Object.keys(quantisations).map((format) => `${size}-${format}`),
])

const isSize = (text: string): text is keyof typeof shapes => Object.hasOwn(shapes, text)
const isFormat = (text: string): text is keyof typeof quantisations => Object.hasOwn(quantisations, text)

/** Reads `synthetic:<15m|110m|1b>[-q4_0|-q8_0|-f16]`; null when it is not of that form. */
export const parse = (model: string): SyntheticModel | null => {
  if (!model.startsWith("synthetic:")) return null
  const [size = "", format = "q4_0", ...rest] = model.slice("synthetic:".length).split("-")
  if (!isSize(size) || !isFormat(format) || rest.length > 0) return null
  return { name: `synthetic:${size}-${format}`, shape: shapes[size], quantisation: quantisations[format] }
}
