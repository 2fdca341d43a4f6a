/** The embedded engine's server: runs in a child process of this same binary. */
export const serve = async (argv: ReadonlyArray<string>): Promise<void> => {
  throw new Error(`the embedded engine is not there yet: ${argv.join(" ")}`)
}
