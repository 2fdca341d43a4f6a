/** The command line. */
export const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  throw new Error(`no command yet: ${argv.join(" ")}`)
}
