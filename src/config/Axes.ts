import type { Backend } from "../domain/Backend.ts"
import * as Backends from "../domain/Backend.ts"
import type { RawConfig, SweepMaterial } from "../domain/Study.ts"
import * as Paths from "./Paths.ts"

/** One step of the product: each of its alternatives sets some paths. */
export interface Dimension {
  readonly alternatives: ReadonlyArray<ReadonlyArray<readonly [path: string, value: unknown]>>
}

const ofAxis = ({ path, values }: SweepMaterial["axes"][number]): Dimension => ({
  alternatives: values.map((value) => [[path, value]]),
})

/** A variant as alternatives: a list value inside it is a small grid of its own. */
const variantAlternatives = (variant: RawConfig): Dimension["alternatives"] =>
  Object.entries(variant).reduce<Dimension["alternatives"]>(
    (all, [path, value]) => {
      const values: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
      return all.flatMap((before) => values.map((one) => [...before, [path, one] as const]))
    },
    [[]],
  )

const ofGroup = ({ variants }: SweepMaterial["groups"][number]): Dimension => ({
  alternatives: variants.flatMap(variantAlternatives),
})

/**
 * The backends of a sweep: a `backend` axis, else those that axes are scoped to, else what the fixed fields say
 * (null: one pass, with whatever backend an experiment resolves to).
 */
export const backendsOf = (material: SweepMaterial): ReadonlyArray<Backend | null> => {
  const axis = material.axes.find(({ path }) => path === "backend")
  if (axis !== undefined) return axis.values.map((value) => (Backends.isBackend(value) ? value : null))
  const scoped = [...new Set(material.axes.map(({ path }) => Paths.scopeOf(path)))].filter((scope) => scope !== null)
  if (scoped.length > 0) return scoped
  const fixed = material.fixed["backend"]
  return [Backends.isBackend(fixed) ? fixed : null]
}

/** The dimensions of one backend's part of the sweep: universal axes, groups, then its own scoped axes. */
export const dimensionsOf = (material: SweepMaterial, backend: Backend | null): ReadonlyArray<Dimension> => {
  const universal = material.axes.filter(({ path }) => path !== "backend" && Paths.scopeOf(path) === null)
  const scoped = material.axes.filter(({ path }) => Paths.scopeOf(path) !== null && Paths.scopeOf(path) === backend)
  return [...universal.map(ofAxis), ...material.groups.map(ofGroup), ...scoped.map(ofAxis)]
}

/** The fixed fields as one backend sees them: other backends' sections are theirs alone. */
export const fixedFor = (material: SweepMaterial, backend: Backend | null): RawConfig => {
  if (backend === null) return material.fixed
  const several = backendsOf(material).length > 1
  const own = Object.entries(material.fixed).filter(([key]) => !several || key === backend || !Backends.isBackend(key))
  return { ...Object.fromEntries(own), backend }
}

/** Every combination of the dimensions over a config, the last dimension fastest; parts that do not differ are shared. */
export function* product(config: RawConfig, dimensions: ReadonlyArray<Dimension>): Generator<RawConfig> {
  const [first, ...rest] = dimensions
  if (first === undefined) {
    yield config
    return
  }
  for (const alternative of first.alternatives) {
    const set = alternative.reduce((before, [path, value]) => Paths.set(before, Paths.split(path), value), config)
    yield* product(set, rest)
  }
}
