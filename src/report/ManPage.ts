import type { Completions } from "effect/cli"
import * as Manual from "./Manual.ts"

const glyphs: Readonly<Record<string, string>> = { "\\": "\\e", "-": "\\-", "~": "\\(ti", "^": "\\(ha", "`": "\\(ga" }

const glyph = (character: string): string =>
  glyphs[character] ??
  (character < "\u007f" ? character : `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`)

/** Text that roff prints as it is, with hyphens that can be searched and copied. */
const escape = (text: string): string => Array.from(text, glyph).join("")

const columns = 78

/** A paragraph in lines that roff fills anew; none of them may look like a request. */
const paragraph = (text: string): string => {
  const lines: Array<string> = []
  for (const word of escape(text).split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map((line) => line.replace(/^[.']/, "\\&$&")).join("\n")
}

const bold = (text: string): string => `\\fB${escape(text)}\\fR`
const italic = (text: string): string => `\\fI${escape(text)}\\fR`

const sentence = (text: string | undefined): string => (text === undefined ? "" : `${text.replace(/\.$/, "")}.`)

/** What stands for the value of a flag; null when it takes none. */
const valueOf = ({ type, name }: Completions.FlagDescriptor): string | null => {
  switch (type._tag) {
    case "Boolean":
      return null
    case "Choice":
      return italic(type.values.join("|"))
    case "Int":
    case "Finite":
      return italic("N")
    default:
      return italic(name === "set" ? "FIELD=VALUE" : name.toUpperCase())
  }
}

const flag = (one: Completions.FlagDescriptor): string => {
  const value = valueOf(one)
  const names = [...one.aliases.map((alias) => (alias.length === 1 ? `-${alias}` : `--${alias}`)), `--${one.name}`]
  const term = `${names.map(bold).join(", ")}${value === null ? "" : ` ${value}`}`
  return `.TP\n${term}\n${paragraph(sentence(one.description))}`
}

const argument = (one: Completions.ArgumentDescriptor): string => {
  const name = `${italic(one.name)}${one.variadic ? " ..." : ""}`
  return one.required ? name : `[${name}]`
}

const command = (one: Completions.CommandDescriptor, path: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = [...path, one.name]
  const title = [bold(names.join(" ")), ...one.arguments.map(argument)].join(" ")
  const told = one.arguments.filter(({ description }) => description !== undefined)
  return [
    `.SS ${title}`,
    paragraph(sentence(one.description)),
    ...told.map(({ name, description }) => `.TP\n${italic(name)}\n${paragraph(sentence(description))}`),
    ...one.flags.map(flag),
    ...one.subcommands.flatMap((sub) => command(sub, names)),
  ]
}

const entries = (title: string, all: ReadonlyArray<Manual.Entry>): ReadonlyArray<string> => [
  `.SH ${title}`,
  ...all.map(([term, text]) => `.TP\n${bold(term)}\n${paragraph(text)}`),
]

/** The manual page, section 1, in roff's man macros: the same text for the same version. */
export const render = (
  root: Completions.CommandDescriptor,
  globalFlags: ReadonlyArray<Completions.FlagDescriptor>,
  version: string,
): string =>
  [
    `.TH LLEM 1 "" "llem ${version}" "User Commands"`,
    ".SH NAME",
    `llem \\- ${escape(`${root.description?.charAt(0).toLowerCase()}${root.description?.slice(1)}`)}`,
    ".SH SYNOPSIS",
    `${bold("llem")} ${italic("command")} [${italic("argument")} ...] [${italic("option")} ...]`,
    ".SH DESCRIPTION",
    paragraph(
      "llem describes, runs and records measurements of large language models across deployment configurations. " +
        "A study is a YAML file; every combination of the values under its sweep is one experiment. " +
        "Results go to a folder and to standard output, messages and progress to standard error.",
    ),
    ".SH COMMANDS",
    ...root.subcommands.flatMap((sub) => command(sub, ["llem"])),
    ".SH GLOBAL OPTIONS",
    ...globalFlags.map(flag),
    ...entries("EXIT STATUS", Manual.exitStatus),
    ...entries("ENVIRONMENT", Manual.environment),
    ...entries("FILES", Manual.files),
    ...entries("EXAMPLES", Manual.examples),
  ].join("\n")
