import { isRecord } from "../domain/Unknown.ts"
import type { Unsupported } from "./Engine.ts"
import type { Setting } from "./Places.ts"

/** A value of a flag; a mapping is its JSON. */
export type Value = string | number | boolean

/** Flags by their long names without the dashes, in the order of the command line. */
export type Flags = ReadonlyMap<string, Value>

/** How a program's command line is to be written. */
export interface CommandLine {
  /** The program's name in messages. */
  readonly program: string
  /** Other names of flags that llem sets, and of those that it must know of. */
  readonly longNames: Readonly<Record<string, string>>
  /** Flags that a study may not hand on, and why. */
  readonly reserved: Readonly<Record<string, string>>
  /** Flags whose list is written as JSON; no other takes a list in one argument. */
  readonly jsonLists: ReadonlySet<string>
  /** Flags that `--no-NAME` turns off; the others are off unless they are given. */
  readonly opposites: "all" | ReadonlySet<string>
}

const valueOf = (name: string, value: unknown, line: CommandLine): Value | null => {
  if (typeof value === "string" || typeof value === "boolean") return value
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  if (isRecord(value)) return JSON.stringify(value)
  return Array.isArray(value) && line.jsonLists.has(name) ? JSON.stringify(value) : null
}

/** The long name of a key of a study file: dashes for underscores, and one name for what has several. */
export const longName = (key: string, line: Pick<CommandLine, "longNames">): string => {
  const dashed = key.replaceAll("_", "-")
  return (Object.hasOwn(line.longNames, dashed) ? line.longNames[dashed] : undefined) ?? dashed
}

const problemOf = ({ name: key, value }: Setting, line: CommandLine): string | null => {
  const name = longName(key, line)
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return `a flag of ${line.program} consists of small letters, digits and _`
  if (name.startsWith("no-")) return `write ${key.slice("no_".length)}: false`
  const why = Object.hasOwn(line.reserved, name) ? line.reserved[name] : undefined
  if (why !== undefined) return why
  if (valueOf(name, value, line) !== null) return null
  return Array.isArray(value)
    ? `${line.program} takes no list in one argument here; use one of its options that are mappings`
    : `${line.program}'s flags take text, numbers, true, false, or a mapping`
}

/** Settings that cannot become flags, by their paths in the study file. */
export const problems = (settings: ReadonlyArray<Setting>, line: CommandLine): ReadonlyArray<Unsupported> => {
  const seen = new Set<string>()
  return settings.flatMap((setting) => {
    const name = longName(setting.name, line)
    const twice = seen.has(name) ? "it is given twice" : null
    seen.add(name)
    const message = problemOf(setting, line) ?? twice
    return message === null ? [] : [{ field: setting.field, message }]
  })
}

/** Settings as flags; call `problems` first. */
export const from = (settings: ReadonlyArray<Setting>, line: CommandLine): Flags =>
  new Map(
    settings.flatMap((setting) => {
      const name = longName(setting.name, line)
      const value = valueOf(name, setting.value, line)
      return value === null ? [] : [[name, value] as const]
    }),
  )

/** Absolute paths that some of the flags name. */
export const paths = (flags: Flags, names: ReadonlySet<string>): ReadonlyArray<string> =>
  [...flags].flatMap(([name, value]) =>
    names.has(name) && typeof value === "string" && value.startsWith("/") ? [value] : [],
  )

const hasOpposite = (name: string, { opposites }: CommandLine): boolean => opposites === "all" || opposites.has(name)

/** The command line, one argument a flag: no value can be taken for another flag. */
export const toArgv = (flags: Flags, line: CommandLine): ReadonlyArray<string> =>
  [...flags].flatMap(([name, value]) => {
    if (value === true) return [`--${name}`]
    if (value === false) return hasOpposite(name, line) ? [`--no-${name}`] : []
    return [`--${name}=${value}`]
  })
