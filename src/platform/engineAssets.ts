import { Schema } from "effect"
import manifestJson from "#engine.json" with { type: "json" }
import blob from "#engine.zst" with { type: "file" }

/** What the packed library set holds; written by scripts/pack.ts. */
export const EngineManifest = Schema.Struct({
  variant: Schema.String,
  id: Schema.String,
  addon: Schema.String,
  packageVersion: Schema.String,
  llamaCpp: Schema.String,
  files: Schema.Array(
    Schema.Struct({ name: Schema.String, offset: Schema.Int, size: Schema.Int, sha256: Schema.String }),
  ),
})
export type EngineManifest = typeof EngineManifest.Type

/** The llama.cpp libraries inside this binary. */
export const packed = {
  blobPath: blob,
  manifest: Schema.decodeUnknownSync(EngineManifest)(manifestJson),
}
