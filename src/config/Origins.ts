import type { Origin, RawConfig, StudySpec, SweepMaterial } from "../domain/Study.ts"
import { isRecord } from "../domain/Unknown.ts"
import type { Path } from "./Document.ts"
import type { Layered } from "./Layered.ts"
import type { Override } from "./Override.ts"
import { get, split } from "./Paths.ts"

const isPrefix = (short: ReadonlyArray<string>, long: Path): boolean =>
  short.length <= long.length && short.every((part, index) => String(long[index]) === part)

const touches = (left: ReadonlyArray<string>, right: Path): boolean =>
  isPrefix(left, right) || isPrefix(right.map(String), left)

/** The path in the file of the axis value that a combination has at a path. */
const inAxes = (layered: Layered, material: SweepMaterial, path: Path, config: RawConfig): Path | null => {
  for (const axis of material.axes) {
    const parts = split(axis.path)
    if (!touches(parts, path)) continue
    const index = axis.values.indexOf(get(config, parts))
    if (index < 0) continue
    const listed = Array.isArray(get(layered.value, ["sweep", axis.path]))
    return ["sweep", axis.path, ...(listed ? [index] : []), ...path.slice(parts.length)]
  }
  return null
}

/** The path in the file of the group variant that a combination has at a path. */
const inGroups = (layered: Layered, material: SweepMaterial, path: Path, config: RawConfig): Path | null => {
  for (const { name, variants } of material.groups) {
    for (const [index, variant] of variants.entries()) {
      for (const [key, value] of Object.entries(variant)) {
        const parts = split(key)
        const taken = get(config, parts)
        if (!touches(parts, path) || (value !== taken && !(Array.isArray(value) && value.includes(taken)))) continue
        const above = [["groups"], ["sweep", "groups"], ["sweep"]].find((one) =>
          Array.isArray(get(layered.value, [...one, name])),
        )
        if (above === undefined) continue
        const item = Array.isArray(value) ? [value.indexOf(taken)] : []
        return [...above, name, index, key, ...item, ...path.slice(parts.length)]
      }
    }
  }
  return null
}

/** The path in the file of the explicit experiment that a combination is, where that one sets the path itself. */
const inExplicit = (material: SweepMaterial, path: Path, config: RawConfig): Path | null => {
  const [top = ""] = path.map(String)
  const index = material.explicit.findIndex(
    (entry) => Object.hasOwn(entry, top) && Object.keys(entry).every((key) => entry[key] === config[key]),
  )
  return index < 0 ? null : ["experiments", index, ...path]
}

/**
 * Finds where the value at a path of a combination was written: in an axis, a group's variant, an explicit experiment,
 * a flag, or the fixed fields, whichever file these come from.
 */
export const of =
  (layered: Layered, overrides: ReadonlyArray<Override>, material: SweepMaterial): StudySpec["originOf"] =>
  (path, config): Origin => {
    const swept = inAxes(layered, material, path, config) ?? inGroups(layered, material, path, config)
    const written = swept ?? inExplicit(material, path, config)
    const dotted = path.map(String).join(".")
    const flag = overrides.find((one) => dotted === one.path || dotted.startsWith(`${one.path}.`))
    if (written === null && flag !== undefined)
      return { file: null, line: null, column: null, sourceLine: null, flag: flag.flag }
    const isSection = isRecord(get(config, path))
    const { file, line, column, sourceLine } = layered.at(written ?? path, "", { key: isSection && written === null })
    return { file, line, column, sourceLine, flag: null }
  }
