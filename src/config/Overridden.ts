import type { RawConfig, SweepMaterial } from "../domain/Study.ts"
import { type Problem, problem } from "./ConfigError.ts"
import { experimentFields, fileFields } from "./Input.ts"
import type { Override } from "./Override.ts"
import { pathProblem, scopeOf, set, split } from "./Paths.ts"

/** The fixed fields of a study and the fields of its file as a whole. */
export interface Fields {
  readonly fixed: RawConfig
  readonly file: RawConfig
}

type Varied = Pick<SweepMaterial, "axes" | "groups" | "explicit">

const touches = (left: string, right: string): boolean =>
  left === right || left.startsWith(`${right}.`) || right.startsWith(`${left}.`)

/** What of the study decides about a path, so that a flag for it would do nothing or only half; null when it is fixed. */
const variedBy = (path: string, { axes, groups, explicit }: Varied): string | null => {
  const axis = axes.find((one) => touches(one.path, path))
  if (axis !== undefined) return `${path} is swept by this study (sweep.${axis.path})`
  const scoped = axes.find((one) => scopeOf(one.path) !== null)
  if (path === "backend" && scoped !== undefined)
    return `the backends of this study follow from its axis ${scoped.path}`
  const group = groups.find(({ variants }) =>
    variants.some((variant) => Object.keys(variant).some((key) => touches(key, path))),
  )
  if (group !== undefined) return `${path} is varied by the group ${group.name} of this study`
  const [top = ""] = split(path)
  const entry = explicit.findIndex((one) => Object.hasOwn(one, top))
  return entry < 0 ? null : `${top} is set by experiments[${entry}] of this study`
}

const refusal = (override: Override, varied: Varied): Problem | null => {
  const by = variedBy(override.path, varied)
  if (by !== null) return problem(`${override.flag}: ${by}; a flag can only set what is fixed`)
  const wrong = pathProblem({ ...experimentFields, ...fileFields }, override.path)
  if (wrong === null) return null
  return problem(`${override.flag}: ${wrong.message}`, { allowed: wrong.allowed, nearest: wrong.nearest })
}

/** Puts overrides over the fields; one that the study itself varies, or that names no field, is a problem. */
export const apply = (
  overrides: ReadonlyArray<Override>,
  before: Fields,
  varied: Varied,
  problems: Array<Problem>,
): Fields => {
  let { fixed, file } = before
  for (const override of overrides) {
    const refused = refusal(override, varied)
    const parts = split(override.path)
    if (refused !== null) problems.push(refused)
    else if (Object.hasOwn(fileFields, parts[0] ?? "")) file = set(file, parts, override.value)
    else fixed = set(fixed, parts, override.value)
  }
  return { fixed, file }
}
