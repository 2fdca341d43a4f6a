import type { Backend } from "../domain/Backend.ts"
import * as Backends from "../domain/Backend.ts"
import type { RawConfig, SweepMaterial } from "../domain/Study.ts"
import { isRecord } from "../domain/Unknown.ts"
import * as Paths from "./Paths.ts"

/** One step of the product: each of its alternatives sets some paths. */
export interface Dimension {
  readonly alternatives: ReadonlyArray<ReadonlyArray<readonly [path: string, value: unknown]>>
}

/** The part of a sweep that one backend runs. `backend` is as written; null where the file leaves it to the model. */
export interface Part {
  readonly backend: unknown
  readonly fixed: RawConfig
  readonly dimensions: ReadonlyArray<Dimension>
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

const backendAxis = (material: SweepMaterial): ReadonlyArray<unknown> | null =>
  material.axes.find(({ path }) => path === "backend")?.values ?? null

/** The backends that axes and groups are scoped to, in the order in which they stand there. */
const scopedBackends = (material: SweepMaterial): ReadonlyArray<Backend> => {
  const paths = [
    ...material.axes.map(({ path }) => path),
    ...material.groups.flatMap(({ name, variants }) => [name, ...variants.flatMap(Object.keys)]),
  ]
  return [...new Set(paths.map(Paths.scopeOf))].filter((scope) => scope !== null)
}

/** The backends of a sweep: a `backend` axis, else those that its parts are scoped to, else what the fixed fields say. */
const backendsOf = (material: SweepMaterial): ReadonlyArray<unknown> => {
  const axis = backendAxis(material)
  if (axis !== null) return axis
  const scoped = scopedBackends(material)
  return scoped.length > 0 ? scoped : [material.fixed["backend"] ?? null]
}

/** Every backend that some experiment of the study names: only these share the file. */
const sharing = (material: SweepMaterial): ReadonlySet<unknown> =>
  new Set([
    ...(material.hasSweep ? backendsOf(material) : []),
    ...material.explicit.map((entry) => entry["backend"] ?? material.fixed["backend"]),
  ])

const isOthers = (scope: string | null, backend: unknown, shared: ReadonlySet<unknown>): boolean =>
  scope !== null && scope !== backend && shared.has(scope) && Backends.isBackend(backend)

/** Fixed fields as one backend sees them: sections of the backends that it shares the file with are theirs alone. */
const fixedFor = (fixed: RawConfig, backend: unknown, shared: ReadonlySet<unknown>): RawConfig =>
  Object.fromEntries(
    Object.entries(fixed).filter(([key]) => !isOthers(Backends.isBackend(key) ? key : null, backend, shared)),
  )

/**
 * A group as one backend sees it: of each variant the paths that are not another's; a variant that is all another's is
 * left out, and a group that is leaves the config as it is. So does one that is named after another backend
 * (`pytorch.decoding`), whatever its variants set.
 */
const groupFor = (
  { name, variants }: SweepMaterial["groups"][number],
  backend: unknown,
  shared: ReadonlySet<unknown>,
): Dimension => {
  const scope = Paths.scopeOf(name)
  if (scope !== null && scope !== backend) return { alternatives: [[]] }
  const own = variants.flatMap((variant) => {
    const entries = Object.entries(variant)
    const kept = entries.filter(([path]) => !isOthers(Paths.scopeOf(path), backend, shared))
    return kept.length === 0 && entries.length > 0 ? [] : [Object.fromEntries(kept)]
  })
  return { alternatives: (own.length === 0 ? [{}] : own).flatMap(variantAlternatives) }
}

/** The sweep backend by backend; the dimensions are universal axes, groups, then the backend's own scoped axes. */
export const parts = (material: SweepMaterial): ReadonlyArray<Part> => {
  const shared = sharing(material)
  const universal = material.axes.filter(({ path }) => path !== "backend" && Paths.scopeOf(path) === null)
  return backendsOf(material).map((backend) => ({
    backend,
    fixed: {
      ...fixedFor(material.fixed, backend, shared),
      ...(backend === null ? {} : { backend }),
    },
    dimensions: [
      ...universal.map(ofAxis),
      ...material.groups.map((group) => groupFor(group, backend, shared)),
      ...material.axes
        .filter(({ path }) => Paths.scopeOf(path) !== null && Paths.scopeOf(path) === backend)
        .map(ofAxis),
    ],
  }))
}

/** Explicit experiments over the fixed fields; a section that an entry writes itself is kept, and judged as it is. */
export const explicit = (material: SweepMaterial): ReadonlyArray<RawConfig> => {
  const shared = sharing(material)
  return material.explicit.map((entry) => ({
    ...fixedFor(material.fixed, entry["backend"] ?? material.fixed["backend"], shared),
    ...entry,
  }))
}

/** Axes and groups scoped to a backend that the study's `backend` axis does not have: nothing runs them. */
export const unused = (material: SweepMaterial): ReadonlyArray<string> => {
  const backends = backendsOf(material)
  return [...material.axes.map(({ path }) => path), ...material.groups.map(({ name }) => name)].filter((path) => {
    const scope = Paths.scopeOf(path)
    return scope !== null && !backends.includes(scope)
  })
}

type Change = (config: RawConfig) => RawConfig

const none: RawConfig = {}

/**
 * Sets a path. The same value set in the same section gives the very same section, so that what combinations share is
 * checked, completed and hashed once.
 */
const change = ([path, value]: readonly [string, unknown]): Change => {
  const [head = "", ...rest] = Paths.split(path)
  if (rest.length === 0) return (config) => ({ ...config, [head]: value })
  const known = new WeakMap<RawConfig, RawConfig>()
  return (config) => {
    const inner = config[head]
    const before = isRecord(inner) ? inner : none
    const after = known.get(before) ?? Paths.set(before, rest, value)
    known.set(before, after)
    return { ...config, [head]: after }
  }
}

function* combine(config: RawConfig, steps: ReadonlyArray<ReadonlyArray<Change>>, from: number): Generator<RawConfig> {
  const alternatives = steps[from]
  if (alternatives === undefined) yield config
  else for (const alternative of alternatives) yield* combine(alternative(config), steps, from + 1)
}

/** Every combination of the dimensions over a config, the last dimension fastest; parts that do not differ are shared. */
export const product = (config: RawConfig, dimensions: ReadonlyArray<Dimension>): Generator<RawConfig> =>
  combine(
    config,
    dimensions.map(({ alternatives }) =>
      alternatives.map((settings): Change => {
        const changes = settings.map(change)
        return (before) => changes.reduce((at, one) => one(at), before)
      }),
    ),
    0,
  )
