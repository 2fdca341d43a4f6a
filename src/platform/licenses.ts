import { readFileSync } from "node:fs"
import { Schema } from "effect"
import blob from "#licenses.zst" with { type: "file" }

const Packed = Schema.fromJsonString(
  Schema.Struct({
    components: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        version: Schema.NullOr(Schema.String),
        license: Schema.String,
        text: Schema.Int,
      }),
    ),
    texts: Schema.Array(Schema.String),
  }),
)

/** A part of this binary and the licence it came with. */
export interface Licensed {
  readonly name: string
  /** Null where its carrier does not say which. */
  readonly version: string | null
  /** SPDX identifier or expression. */
  readonly license: string
  readonly text: string
}

/** Everything that is inside this binary, llem itself first; written by scripts/release/licenses.ts. */
export const all = (): ReadonlyArray<Licensed> => {
  const text = new TextDecoder().decode(Bun.zstdDecompressSync(readFileSync(blob)))
  const { components, texts } = Schema.decodeSync(Packed)(text)
  return components.map((one) => ({ ...one, text: texts[one.text] ?? "" }))
}
