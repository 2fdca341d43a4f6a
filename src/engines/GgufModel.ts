import type { Experiment } from "../domain/Experiment.ts"
import type { Unsupported } from "./Engine.ts"
import { allowed, parse } from "./embedded/SyntheticShape.ts"

/** `owner/name` of a model hub, which has the form of a relative path. */
const isHubId = (model: string): boolean => /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(model)

/** The GGUF path or `synthetic:` name of a model; null when it has no such form. */
export const ggufOf = (model: Experiment["model"]): string | null => {
  if (typeof model !== "string") return model.gguf ?? null
  if (model.startsWith("synthetic:") || /\.gguf$/i.test(model)) return model
  return model.includes("/") && !isHubId(model) ? model : null
}

/** Why a model is none that an engine of GGUF files can run; empty when it is one. */
export const problems = (model: Experiment["model"]): ReadonlyArray<Unsupported> => {
  const name = ggufOf(model)
  if (name === null)
    return [
      { field: "model", message: "it needs a GGUF file (model: PATH.gguf, or {gguf: PATH}) or a synthetic: model" },
    ]
  return name.startsWith("synthetic:") && parse(name) === null
    ? [{ field: "model", message: `there is no ${name}; allowed after synthetic: ${allowed.join(", ")}` }]
    : []
}
