import { type Command, Completions } from "effect/cli"
import { globalFlags, ofTree } from "./commandFacts.ts"

export type Shell = "bash" | "zsh" | "fish"

const file = { _tag: "Path", pathType: "file" } as const
const folder = { _tag: "Path", pathType: "directory" } as const

/** Names by which arguments and flags say that a path belongs there. */
const paths = new Map<string, Completions.ArgumentType>([
  ["FILE", file],
  ["DIR", folder],
  ["STUDY", folder],
  ["output", file],
  ["model", file],
  ["dataset", file],
])

/** Shells other than bash complete paths only where they are told to. */
const withPaths = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: command.flags.map((flag) => ({ ...flag, type: paths.get(flag.name) ?? flag.type })),
  arguments: command.arguments.map((argument) => ({ ...argument, type: paths.get(argument.name) ?? argument.type })),
  subcommands: command.subcommands.map(withPaths),
})

const withGlobals = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: [...command.flags, ...globalFlags],
  subcommands: command.subcommands.map(withGlobals),
})

/** Where each shell looks for such a script. */
const places = {
  bash: "~/.local/share/bash-completion/completions/llem",
  zsh: "~/.zsh/completions/_llem",
  fish: "~/.config/fish/completions/llem.fish",
} as const

/** The script that teaches a shell llem's commands; it never starts llem. */
export const script = (root: Command.Command.Any, shell: Shell): string => {
  const tree = withGlobals(ofTree(root))
  const text = Completions.generate("llem", shell, shell === "bash" ? tree : withPaths(tree))
  return (
    text
      .replace(/^( *#) +llem --completions .*$/m, `$1   llem completions ${shell} > ${places[shell]}`)
      // Where the script knows nothing better, bash itself completes names of files.
      .replace(/^complete -F /m, "complete -o default -F ")
  )
}
